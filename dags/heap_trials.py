"""
### Trials and activity of each user

What a product team usually asks first: whose trial ends soon, and who uses the product at all. Counts are made in the
warehouse, where they are cheap; Heap gets one row for each user, every night.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_heap.operators.heap import HeapUserSyncOperator

with DAG(
    dag_id="heap_trials",
    schedule="0 4 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["heap", "example"],
    default_args={"owner": "data", "retries": 3, "retry_delay": timedelta(minutes=5)},
    doc_md=__doc__,
):
    HeapUserSyncOperator(
        task_id="users",
        model="""
            select
                p.email,
                p.plan,
                p.trial_ends_at,
                count(s.session_id) as sessions,
                coalesce(sum(s.reports), 0) as reports,
                max(s.started_at) as last_session_at
            from people p
            left join sessions s on s.email = p.email
            group by p.email, p.plan, p.trial_ends_at
        """,
        sql_conn_id="warehouse",
        identity="email",
        properties={
            "Plan": "plan",
            "Trial End": "trial_ends_at",
            "Sessions": "sessions",
            "Reports Created": "reports",
            "Last Session": "last_session_at",
        },
        # A paying user has no trial any more: without this, Heap would keep the old date.
        nulls="empty",
    )
