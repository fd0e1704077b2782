#!/usr/bin/env bash
# Runs the unit tests on other versions of Python, each in an environment of its own: test_python.sh 3.12 3.13
# A version that is not on this machine is skipped; STRICT=1 makes that a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

# The newest Python of a version that pyenv or the PATH has.
find_python() {
    for python in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python "$(command -v "python$1" || true)"; do
        if [ -n "$python" ] && "$python" -c pass 2>/dev/null; then found=$python; fi
    done
    echo "${found:-}"
}

for version in "$@"; do
    python=$(find_python "$version")
    if [ -z "$python" ]; then
        echo "Python $version is not on this machine: skipped"
        if [ "${STRICT:-0}" = 1 ]; then exit 1; fi
        continue
    fi
    venv=$PWD/.venv-$version
    "$python" -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet uv
    "$venv/bin/uv" pip install --quiet --compile-bytecode --python "$venv/bin/python" \
        "apache-airflow==$AIRFLOW_VERSION" -e ".[$EXTRAS]"
    "$venv/bin/python" --version
    "$venv/bin/python" -m pytest tests/unit
done
