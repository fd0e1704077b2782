#!/usr/bin/env bash
# Runs the example DAG from a fresh clone to what arrived, against the sandbox or, with a heap_default of yours, Heap.
source "$(dirname "$0")/environment.sh"

start_sandbox
echo "Preparing Airflow in $AIRFLOW_HOME ..."
airflow db migrate >"$AIRFLOW_HOME/migrate.log" 2>&1 || { cat "$AIRFLOW_HOME/migrate.log"; exit 1; }

echo "Running the DAG dags/heap_demo.py ..."
echo
# Show the operators' lines; the rest of Airflow's log is in the file.
log=$AIRFLOW_HOME/demo.log
status=0
airflow dags test heap_demo >"$log" 2>&1 || status=$?
python - "$log" <<'PYTHON'
import re
import sys

log = re.sub(r"\x1b\[[0-9;]*m", "", open(sys.argv[1], encoding="utf-8").read())
# A record begins with its time, and may have several lines.
for record in re.split(r"^(?=\d{4}-\d\d-\d\dT)", log, flags=re.MULTILINE):
    message, of_operator, _ = record.partition("[airflow.task.operators.airflow_provider_heap")
    if of_operator:
        print(re.sub(r"^\S+ \[(\w+)\s*\] ", "", message).rstrip())
PYTHON
# In some versions, airflow dags test reports a failed run in its log but not by its exit code.
if [ "$status" -ne 0 ] || ! grep -q "Marking run.*successful" "$log"; then
    echo "The run failed; its log:"
    cat "$log"
    exit 1
fi
echo
echo "The run succeeded (the whole log: $log)."
if [ -n "$sandbox_url" ]; then
    echo
    python -m airflow_provider_heap.sandbox --summary "$sandbox_url"
    echo
    echo "To send the very same to Heap: AIRFLOW_CONN_HEAP_DEFAULT=heap://YOUR_APP_ID@ make demo"
fi
