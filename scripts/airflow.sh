#!/usr/bin/env bash
# Starts Airflow with the example DAGs, the connections and the sandbox; Ctrl-C ends all of it.
source "$(dirname "$0")/environment.sh"

start_sandbox
port=${AIRFLOW_PORT:-8080}
python -c 'import socket, sys; socket.create_server(("127.0.0.1", int(sys.argv[1])))' "$port" 2>/dev/null || port=$(free_port)

export AIRFLOW__API__HOST=127.0.0.1
export AIRFLOW__API__PORT=$port
export AIRFLOW__API__BASE_URL=http://127.0.0.1:$port
export AIRFLOW__API__WORKERS=1
export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS=True
export AIRFLOW__CORE__EXECUTION_API_SERVER_URL=http://127.0.0.1:$port/execution/
export AIRFLOW_CONN_WAREHOUSE=$AIRFLOW_CONN_HEAP_DEMO_WAREHOUSE

echo "Preparing Airflow in $AIRFLOW_HOME ..."
airflow db migrate >"$AIRFLOW_HOME/migrate.log" 2>&1 || { cat "$AIRFLOW_HOME/migrate.log"; exit 1; }
airflow pools set heap_events 1 "Heap's events per minute" >/dev/null 2>&1
# In the database too: the UI lists only connections that stand there.
for name in heap_default heap_demo_warehouse warehouse; do
    variable=AIRFLOW_CONN_$(echo "$name" | tr '[:lower:]' '[:upper:]')
    airflow connections delete "$name" >/dev/null 2>&1 || true
    airflow connections add "$name" --conn-json "${!variable}" >/dev/null 2>&1
done

# A process group of its own: Airflow's children outlive a signal to their parent alone.
setsid airflow standalone >"$AIRFLOW_HOME/standalone.log" 2>&1 &
airflow_pid=$!
trap 'kill -- "-$airflow_pid" 2>/dev/null || true; kill "${sandbox_pid:-$airflow_pid}" 2>/dev/null || true' EXIT

for _ in $(seq 120); do
    if python -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1])' "http://127.0.0.1:$port/" 2>/dev/null; then
        echo
        echo "  Airflow       http://127.0.0.1:$port"
        echo "  Heap sandbox  ${sandbox_url:-none: heap_default is the one that you gave}"
        echo
        echo "Turn the DAG heap_demo on and trigger it. Ctrl-C ends everything; the log is $AIRFLOW_HOME/standalone.log"
        wait "$airflow_pid" || true
        exit 0
    fi
    kill -0 "$airflow_pid" 2>/dev/null || break
    sleep 1
done
echo "Airflow did not start:"
tail -n 50 "$AIRFLOW_HOME/standalone.log"
exit 1
