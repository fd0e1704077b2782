# Sourced by the other scripts: an Airflow of our own in ./.airflow (DEMO_HOME names another folder), whatever the caller's
# environment says.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

for name in $(compgen -e | grep '^AIRFLOW__' || true); do unset "$name"; done
export AIRFLOW_HOME=${DEMO_HOME:-$root/.airflow}
export AIRFLOW__CORE__DAGS_FOLDER=$root/dags
export AIRFLOW__CORE__LOAD_EXAMPLES=False
export AIRFLOW__CORE__TEST_CONNECTION=Enabled
export PATH=$BIN:$PATH
mkdir -p "$AIRFLOW_HOME"

export AIRFLOW_CONN_HEAP_DEMO_WAREHOUSE='{"conn_type": "sqlite", "host": "'$AIRFLOW_HOME'/warehouse.db"}'

free_port() { python -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Starts the sandbox, unless heap_default names another Heap to write to.
start_sandbox() {
    sandbox_url=
    if [ -n "${AIRFLOW_CONN_HEAP_DEFAULT:-}" ]; then return; fi
    sandbox_port=$(free_port)
    sandbox_url=http://127.0.0.1:$sandbox_port
    python -m airflow_provider_heap.sandbox --port "$sandbox_port" >"$AIRFLOW_HOME/sandbox.log" 2>&1 &
    sandbox_pid=$!
    trap 'kill "$sandbox_pid" 2>/dev/null || true' EXIT
    # With the port in its own field: Airflow 3.3 tests no stored connection without one.
    export AIRFLOW_CONN_HEAP_DEFAULT='{"conn_type": "heap", "login": "2388822444", "password": "sandbox-api-key", "host": "http://127.0.0.1", "port": '$sandbox_port'}'
}
