"""
### What a product team asks first

Four ideas, each a query in `dags/sql/` and a task: the lifetime value of each account, the end of each trial, the day
on which a user became active, and what each user did in the last 7 and 30 days. The warehouse counts, which it is
good at; Heap gets one row for each account or user, every night, and only where something changed.

**Look at** a user on the sandbox's page: three tasks have filled its properties. Then run the DAG again: hardly a row
changed, so hardly a row is sent.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, Param

from airflow_provider_heap.operators.heap import HeapAccountSyncOperator, HeapUserSyncOperator

with DAG(
    dag_id="heap_product_questions",
    description="Lifetime value, trial end, first day of activity, key activities of the last 7 and 30 days.",
    schedule="0 4 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["heap", "example"],
    default_args={
        "owner": "data",
        "retries": 3,
        "retry_delay": timedelta(minutes=5),
        "sql_conn_id": "warehouse",
        "state_conn_id": "warehouse",
        "dry_run": "{{ params.dry_run }}",
        "full_sync": "{{ params.full_sync }}",
    },
    params={
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Send and record nothing; the log says how many rows would be sent.",
        ),
        "full_sync": Param(False, type="boolean", title="Full sync", description="Send all rows, also unchanged ones."),
    },
    doc_md=__doc__,
):
    HeapAccountSyncOperator(
        task_id="lifetime_value",
        model="sql/lifetime_value.sql",
        account_id="company_id",
        properties={"Name": "name", "Lifetime Value": "lifetime_value"},
    )

    HeapUserSyncOperator(
        task_id="trial_end",
        model="sql/trial_end.sql",
        identity="email",
        properties={"Plan": "plan", "Trial End": "trial_ends_at"},
        # A user who pays has no trial any more: the empty text takes the place of the old date.
        nulls="empty",
    )

    HeapUserSyncOperator(
        task_id="became_active",
        model="sql/became_active.sql",
        identity="email",
        properties={"Became Active": "became_active_at"},
    )

    HeapUserSyncOperator(
        task_id="key_activities",
        model="sql/key_activities.sql",
        identity="email",
        properties={
            "Reports, 7 Days": "reports_7",
            "Reports, 30 Days": "reports_30",
            "Sessions, 7 Days": "sessions_7",
            "Sessions, 30 Days": "sessions_30",
        },
    )
