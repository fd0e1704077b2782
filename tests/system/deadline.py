"""A DAG with a deadline, run by test_deadline and shown in the docs. Airflow 3.1 and later."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, AsyncCallback, DeadlineAlert, DeadlineReference

from airflow_provider_heap.operators.heap import HeapUserSyncOperator


# [deadline]
async def late(sync, **kwargs):
    """Say that a sync is late."""
    print(f"{kwargs['context']['dag_run']['dag_id']} is late: {sync}")


with DAG(
    dag_id="heap_with_deadline",
    schedule=None,
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(hours=2),
        callback=AsyncCallback("tests.system.deadline.late", kwargs={"sync": "people"}),
    ),
):
    HeapUserSyncOperator(
        task_id="people", model="select email, plan from people", sql_conn_id="warehouse", identity="email"
    )
# [/deadline]
