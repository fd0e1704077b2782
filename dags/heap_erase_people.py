"""
### Erase people

Everybody in the table `erasure_requests` is deleted from Heap for good, after a person has approved the number. The
connection `heap_default` needs the API key of the account, and the App ID of its Main Production environment.

The state keeps what was asked for, so that a run asks for new people only, and so that a deletion can be proven:
`airflow heap deletions show heap_erase_people erase --key ada@example.com`. The approval needs Airflow 3.1 or later.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, task
from airflow.providers.standard.operators.hitl import ApprovalOperator

from airflow_provider_heap.operators.heap import HeapUserDeletionOperator
from airflow_provider_heap.recap import recap_markdown

PEOPLE = {
    "model": "select email from erasure_requests",
    "sql_conn_id": "warehouse",
    "identity": "email",
    "state_conn_id": "warehouse",
    "sync_name": "erase people",
}

with DAG(
    dag_id="heap_erase_people",
    description="Deletes people who asked for it from Heap, after somebody has approved it.",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    # One at a time: what a person approves is what is deleted.
    max_active_runs=1,
    tags=["heap", "example"],
    user_defined_macros={"recap": recap_markdown},
    doc_md=__doc__,
):
    # Counts, and asks for nobody. More than 1000 people at once would be a mistake in the table.
    count = HeapUserDeletionOperator(task_id="count", dry_run=True, max_rows=1000, **PEOPLE)

    @task.short_circuit
    def anybody(report: dict) -> bool:
        """Return whether there is anybody to delete."""
        return report["would_send"] > 0

    approve = ApprovalOperator(
        task_id="approve",
        subject="Delete {{ ti.xcom_pull(task_ids='count')['would_send'] }} people from Heap for good?",
        body="Nothing brings them back.\n\n{{ recap(ti.xcom_pull(task_ids='count')) }}",
    )

    erase = HeapUserDeletionOperator(
        task_id="erase",
        # Nobody is deleted when people came into the table after the approval.
        max_rows="{{ ti.xcom_pull(task_ids='count')['read'] }}",
        retries=3,
        **PEOPLE,
    )

    anybody(count.output) >> approve >> erase
