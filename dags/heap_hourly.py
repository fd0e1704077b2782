"""
### Warehouse to Heap, every hour

Users, then accounts, then the orders of the hour. The queries are in `dags/sql/`; `warehouse` is any SQL connection. It
also keeps the state of users and accounts: only those that are new or changed are sent, unless a run is triggered with
*full_sync*.

Heap takes 15,000 events a minute for a whole environment, from all senders together. The pool `heap_events` with one
slot lets one task at a time use all of them: `airflow pools set heap_events 1 "Heap's events per minute"`.

**Look at** the counters of a second run: users and accounts are `unchanged`. The query of `orders`, under *Rendered
Templates*, has the hour of a scheduled run, and the last day of a run that was triggered by hand.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, Param
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_heap.operators.heap import (
    HeapAccountSyncOperator,
    HeapEventSyncOperator,
    HeapUserSyncOperator,
)

with DAG(
    dag_id="heap_hourly",
    description="Users, accounts and the orders of the hour, one after another.",
    # In Airflow 3 the data interval of "@hourly" is empty: it starts and ends at the same time.
    schedule=CronDataIntervalTimetable("0 * * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["heap", "example"],
    default_args={
        "owner": "data",
        "retries": 3,
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(minutes=50),
        "sql_conn_id": "warehouse",
        "dry_run": "{{ params.dry_run }}",
    },
    params={
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Send and record nothing; the log says how many rows would be sent.",
        ),
        "full_sync": Param(
            False, type="boolean", title="Full sync", description="Send all users and accounts, also unchanged ones."
        ),
    },
    doc_md=__doc__,
):
    users = HeapUserSyncOperator(
        task_id="users",
        model="sql/users.sql",
        identity="email",
        properties={"email": "email", "Company ID": "company_id", "Plan": "plan", "Trial End": "trial_ends_at"},
        # A few people without an email are fine; more than one in a hundred fail the task.
        max_rejected=0.01,
        state_conn_id="warehouse",
        full_sync="{{ params.full_sync }}",
    )

    accounts = HeapAccountSyncOperator(
        task_id="accounts",
        model="sql/accounts.sql",
        account_id="company_id",
        properties={"Name": "name", "Lifetime Value": "lifetime_value", "Orders": "orders"},
        state_conn_id="warehouse",
        full_sync="{{ params.full_sync }}",
    )

    orders = HeapEventSyncOperator(
        task_id="orders",
        model="sql/orders.sql",
        identity="email",
        event="Order Placed",
        insert_id="order_id",
        timestamp="ordered_at",
        properties={"Amount": "amount", "Currency": "currency"},
        pool="heap_events",
    )

    users >> accounts >> orders
