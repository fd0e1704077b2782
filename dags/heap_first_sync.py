"""
### A first sync

The people of a small SQLite database become users in Heap. It is the DAG of the tutorial, `docs/first-sync.md`.

**Look at** the log of the task `people`: it ends with a table in which each row is counted once.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_heap.operators.heap import HeapUserSyncOperator

with DAG(
    dag_id="heap_first_sync",
    description="The tutorial: one table of people becomes users in Heap.",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["heap", "example"],
    doc_md=__doc__,
) as dag:
    HeapUserSyncOperator(
        task_id="people",
        model="select email, plan, seats, trial_ends_at from people",
        sql_conn_id="warehouse",
        identity="email",
        properties={"Plan": "plan", "Seats": "seats", "Trial End": "trial_ends_at"},
        # One of the four has no email, and so no identity.
        max_rejected=1,
    )
