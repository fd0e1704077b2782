#!/usr/bin/env bash
# Runs the unit tests, a DAG and what watches it on the lowest versions that setup.cfg allows: Airflow 2.11.0 among them.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$PWD/.venv-lowest
"$PYTHON" -m venv --clear "$venv"
"$venv/bin/python" -m pip install --quiet uv
install() { "$venv/bin/uv" pip install --quiet --compile-bytecode --python "$venv/bin/python" "$@"; }

# Airflow 2.11 does not cap it, but its ObjectStoragePath takes no file:// URL with a later one; its constraints have 0.2.
install --resolution lowest-direct -e . "universal-pathlib<0.3"
"$venv/bin/uv" pip freeze --quiet --exclude-editable --python "$venv/bin/python" >"$venv/lowest.txt"
# The tests' own tools may be of any version that does not change those.
install --constraint "$venv/lowest.txt" -e ".[$EXTRAS]"

"$venv/bin/python" --version
grep -E '^(apache-airflow|apache-airflow-providers-common-(compat|sql)|jinja2|msgspec|pendulum|requests|tenacity)==' "$venv/lowest.txt"
"$venv/bin/python" -m pytest --disable-warnings tests/unit tests/integration tests/system/test_watching.py \
    tests/system/test_dags.py::test_the_dag_of_the_readme_runs
