"""
A process that runs an operator as Airflow's task runner does, to be sent a signal: ``python stoppable.py FILE RATE``.

Prints "ready" before the run and "stopping" when the signal was handled. Writes the report, and how long the end took,
into FILE.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

from airflow_provider_heap.operators.heap import HeapEventSyncOperator


class TaskInstance:
    """Keeps what the operator leaves."""

    dag_id = "dag"
    task_id = "sync"
    run_id = "run"
    map_index = -1
    try_number = 1

    def __init__(self):
        self.xcom = {}

    def xcom_push(self, key, value):
        """Keep it."""
        self.xcom[key] = value


def main():
    operator = HeapEventSyncOperator(
        task_id="sync",
        identity="email",
        insert_id="n",
        event="Seen",
        timestamp=None,
        **{"model": "select * from users", "sql_conn_id": "warehouse", **json.loads(sys.argv[2])},
    )
    ti, killed = TaskInstance(), []

    def on_term(signum, frame):
        # What airflow.sdk.execution_time.task_runner does on SIGTERM: nothing is raised.
        killed.append(time.monotonic())
        operator.on_kill()
        os.write(1, b"stopping\n")

    signal.signal(signal.SIGTERM, on_term)
    print("ready", flush=True)
    try:
        operator.execute({"ti": ti})
    except Exception as error:
        found = {"error": type(error).__name__, "report": ti.xcom["report"], "seconds": time.monotonic() - killed[0]}
        with open(sys.argv[1], "w") as file:
            json.dump(found, file)


if __name__ == "__main__":
    main()
