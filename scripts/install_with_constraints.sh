#!/usr/bin/env bash
# Makes an environment with a version of Airflow as its constraints pin it: install_with_constraints.sh 3.1.8 3.12
# Packages named after these are pinned too. VENV names the environment, .venv when not given, EXTRAS the package's
# extras, and UV an uv that is there already. RELEASED, the day after the release, stands for
# the constraints where GitHub can't be reached: what is newer than that is not installed.
set -euo pipefail
cd "$(dirname "$0")/.."

airflow=$1 python=$2 venv=${VENV:-.venv} extras=${EXTRAS-test,mysql}
"python$python" -m venv --clear "$venv"
[ -x "${UV:=$venv/bin/uv}" ] || "$venv/bin/python" -m pip install --quiet uv
pins=("--quiet" "--compile-bytecode" "--python" "$venv/bin/python")
install() { "$UV" pip install "${pins[@]}" "$@"; }

# Providers are released apart from Airflow, and setup.cfg says which of them are needed: their pins are left out.
url=https://raw.githubusercontent.com/apache/airflow/constraints-$airflow/constraints-$python.txt
if curl --fail --silent --show-error --max-time 60 "$url" >"$venv/all.txt"; then
    grep -v '^apache-airflow-providers-' "$venv/all.txt" >"$venv/constraints.txt"
else
    : "${RELEASED:?There are no constraints; give RELEASED instead}"
    echo "Airflow $airflow is installed with what was there on $RELEASED"
    touch "$venv/constraints.txt"
    pins+=("--exclude-newer" "$RELEASED")
    for provider in common-compat common-sql; do
        pins+=("--exclude-newer-package" "apache-airflow-providers-$provider=$(date -I)")
    done
fi
install --constraint "$venv/constraints.txt" "apache-airflow==$airflow" "${@:3}" -e .
[ "$extras" ] || exit 0
# The tests' own tools may be of any version that does not change those.
"$UV" pip freeze --quiet --exclude-editable --python "$venv/bin/python" >"$venv/installed.txt"
install --constraint "$venv/installed.txt" -e ".[$extras]"
