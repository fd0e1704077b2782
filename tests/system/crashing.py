"""
Run by test_crashes: for each line that it is told, starts a process that runs a sync, and says its number.

    python crashing.py users|events|deletions
"""

from __future__ import annotations

import os
import sys

from airflow_provider_heap.operators.heap import HeapEventSyncOperator, HeapUserDeletionOperator, HeapUserSyncOperator


class TaskInstance:
    """One and the same task instance, tried again and again."""

    dag_id, task_id, run_id, map_index, try_number = "dag", "sync", "run", -1, 1

    def xcom_push(self, key, value):
        """Keep nothing."""


def main():
    common = {"task_id": "sync", "sql_conn_id": "warehouse", "identity": "email", "state_conn_id": "state"}
    if sys.argv[1] == "users":
        operator = HeapUserSyncOperator(model="select * from users", batch_size=100, **common)
    elif sys.argv[1] == "deletions":
        operator = HeapUserDeletionOperator(
            model="select email from users", batch_size=100, concurrency=4, max_rows=100_000, wait=False, **common
        )
    else:
        operator = HeapEventSyncOperator(
            model="select * from users",
            insert_id="n",
            event="Seen",
            timestamp=None,
            batch_size=100,
            rate_limit=0,
            **common,
        )
    print("ready", flush=True)
    for _ in sys.stdin:
        child = os.fork()
        if child:
            print(child, flush=True)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            continue
        # A child that is killed in the middle of a line must not spoil what its parent says.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        try:
            operator.execute({"ti": TaskInstance()})
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)


if __name__ == "__main__":
    main()
