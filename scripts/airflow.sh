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
export AIRFLOW__CORE__PARALLELISM=4
export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS=True
export AIRFLOW__CORE__EXECUTION_API_SERVER_URL=http://127.0.0.1:$port/execution/

# What the example DAGs read, made anew at each start: tables, a file, and a dbt project with its own dbt.
export DEMO_WAREHOUSE=$AIRFLOW_HOME/demo.db
export AIRFLOW_CONN_WAREHOUSE='{"conn_type": "sqlite", "host": "'$DEMO_WAREHOUSE'"}'
export HEAP_USERS_FILE=file://$AIRFLOW_HOME/users.jsonl
export DBT_PROJECT_DIR=$AIRFLOW_HOME/shop DBT_PROFILES_DIR=$AIRFLOW_HOME/shop
mkdir -p "$AIRFLOW_HOME/bin"
ln -sf "$root/scripts/dbt.sh" "$AIRFLOW_HOME/bin/dbt"
export BIN PATH=$AIRFLOW_HOME/bin:$PATH
rm -rf "$DBT_PROJECT_DIR"
cp -R "$root/scripts/shop" "$DBT_PROJECT_DIR"
python "$root/scripts/demo_warehouse.py" "$DEMO_WAREHOUSE" "$AIRFLOW_HOME/users.jsonl"

echo "Preparing Airflow in $AIRFLOW_HOME ..."
airflow db migrate >"$AIRFLOW_HOME/migrate.log" 2>&1 || { cat "$AIRFLOW_HOME/migrate.log"; exit 1; }
airflow pools set heap_events 1 "Heap's events per minute" >/dev/null 2>&1
# In the database too: the UI lists only the connections that are there.
connections=$AIRFLOW_HOME/connections.json
python - >"$connections" <<'PYTHON'
import json
import os

names = ("heap_default", "heap_demo_warehouse", "warehouse")
values = {name: os.environ[f"AIRFLOW_CONN_{name.upper()}"] for name in names}
print(json.dumps({name: json.loads(value) if value.startswith("{") else value for name, value in values.items()}))
PYTHON
airflow connections import --overwrite "$connections" >"$AIRFLOW_HOME/connections.log" 2>&1 || cat "$AIRFLOW_HOME/connections.log"

# A process group of its own: Airflow's children outlive a signal to their parent alone.
setsid airflow standalone >"$AIRFLOW_HOME/standalone.log" 2>&1 &
airflow_pid=$!
stop() {
    echo "Stopping ..."
    kill -TERM -- "-$airflow_pid" 2>/dev/null || true
    if [ -n "${sandbox_pid:-}" ]; then kill "$sandbox_pid" 2>/dev/null || true; fi
    for _ in $(seq 10); do kill -0 -- "-$airflow_pid" 2>/dev/null || return 0; sleep 1; done
    kill -KILL -- "-$airflow_pid" 2>/dev/null || true
}
trap stop EXIT
trap 'exit 0' INT TERM

for _ in $(seq 120); do
    if python -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1])' "http://127.0.0.1:$port/" 2>/dev/null; then
        echo
        echo "  Airflow       http://127.0.0.1:$port"
        echo "  Heap sandbox  ${sandbox_url:-none: heap_default is the one that you gave}"
        echo
        echo "Trigger any DAG: all of them have rows to send. Start with heap_first_sync, and look at what arrives in the sandbox."
        echo "Ctrl-C ends everything; the log is $AIRFLOW_HOME/standalone.log"
        wait "$airflow_pid" || true
        exit 0
    fi
    kill -0 "$airflow_pid" 2>/dev/null || break
    sleep 1
done
echo "Airflow did not start:"
tail -n 50 "$AIRFLOW_HOME/standalone.log"
exit 1
