#!/usr/bin/env bash
# Makes .venv with a version of Airflow as its constraints pin it: install_with_constraints.sh 3.1.8 3.12
set -euo pipefail
cd "$(dirname "$0")/.."

airflow=$1 python=$2
"python$python" -m venv --clear .venv
.venv/bin/python -m pip install --quiet uv
install() { .venv/bin/uv pip install --quiet --python .venv/bin/python "$@"; }

# Providers are released apart from Airflow, and setup.cfg says which of them are needed: their pins are left out.
url=https://raw.githubusercontent.com/apache/airflow/constraints-$airflow/constraints-$python.txt
curl --fail --silent --show-error "$url" | grep -v '^apache-airflow-providers-' >.venv/constraints.txt
install --constraint .venv/constraints.txt "apache-airflow==$airflow" -e .
# The tests' own tools may be of any version that does not change those.
.venv/bin/uv pip freeze --quiet --exclude-editable --python .venv/bin/python >.venv/installed.txt
install --constraint .venv/installed.txt -e '.[test,mysql]'
