#!/usr/bin/env bash
# dbt of `make airflow`: installed in an environment of its own when it is first used, because its requirements differ
# from Airflow's. dbt 1.12 and later fetch a part of themselves from elsewhere than the package index.
set -euo pipefail

venv=$AIRFLOW_HOME/dbt
requirements=("dbt-core>=1.11,<1.12" dbt-sqlite)
if [ ! -e "$venv/installed" ]; then
    echo "Installing dbt in $venv ..."
    "$BIN/python" -m venv --clear "$venv"
    if [ -x "$BIN/uv" ]; then
        "$BIN/uv" pip install --quiet --compile-bytecode --python "$venv/bin/python" "${requirements[@]}"
    else
        "$venv/bin/python" -m pip install --quiet "${requirements[@]}"
    fi
    touch "$venv/installed"
fi
exec "$venv/bin/dbt" "$@"
