"""
### Warehouse to Heap, every hour

Users, then accounts, then the orders of the hour. The queries are in `dags/sql/`; `warehouse` is any SQL connection.

Heap takes 15,000 events a minute for a whole environment, from all senders together. The pool `heap_events` with one
slot lets one task at a time use all of them: `airflow pools set heap_events 1 "Heap's events per minute"`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_heap.operators.heap import (
    HeapAccountSyncOperator,
    HeapEventSyncOperator,
    HeapUserSyncOperator,
)

with DAG(
    dag_id="heap_hourly",
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
    )

    accounts = HeapAccountSyncOperator(
        task_id="accounts",
        model="sql/accounts.sql",
        account_id="company_id",
        properties={"Name": "name", "Lifetime Value": "lifetime_value", "Orders": "orders"},
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
