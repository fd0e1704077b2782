"""
### A person approves a sync before anything is sent

A dry run reads the rows and sends nothing, a person looks at its recap in the UI, and only then the sync runs. **It
waits for you**: open the task `approve` of the run, or *Required Actions*, and click *Approve* or *Reject*. It needs
Airflow 3.1.

Approved, `send` sends the rows. Rejected, it is skipped, and nothing was sent. When nobody answers within a day, the
run fails, and nothing was sent either.

**Look at** the recap: it says what is new, what changed and how long it takes, and it has the mapping.
`docs/approval.md` says what else can be in it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG
from airflow.providers.standard.operators.hitl import ApprovalOperator

from airflow_provider_heap.operators.heap import HeapUserSyncOperator
from airflow_provider_heap.recap import recap_markdown

# Both tasks are one sync: the same rows, the same mapping, the same state.
people: dict[str, Any] = {
    "model": "select email, plan, seats from people",
    "sql_conn_id": "warehouse",
    "identity": "email",
    "properties": {"Plan": "plan", "Seats": "seats"},
    "state_conn_id": "warehouse",
    "sync_name": "people_with_approval",
    "max_rejected": 0.05,
}

with DAG(
    dag_id="heap_approval",
    description="Waits for a person: a dry run's recap is approved or rejected in the UI before anything is sent.",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    dagrun_timeout=timedelta(days=1),
    tags=["heap", "example"],
    user_defined_macros={"recap": recap_markdown},
    doc_md=__doc__,
) as dag:
    preview = HeapUserSyncOperator(task_id="preview", dry_run=True, **people)
    approve = ApprovalOperator(
        task_id="approve",
        subject="Send these people to Heap?",
        body="{{ recap(ti.xcom_pull(task_ids='preview')) }}",
    )
    send = HeapUserSyncOperator(task_id="send", **people)

    preview >> approve >> send
