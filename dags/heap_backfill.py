"""
### Orders as events, day by day, the past included

Each run sends the orders of its own day, so a day can be sent again, and past years can be sent once:

    airflow backfill create --dag-id heap_backfill --from-date 2025-01-01 --to-date 2025-12-31

(`airflow dags backfill -s 2025-01-01 -e 2025-12-31 heap_backfill` in Airflow 2.) No order counts twice, however often
its day is sent: Heap knows it by its insert ID. Runs take turns, because Heap takes 15,000 events a minute from all of
them together. Heap documents no age limit for events; try one old day before you send years.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_heap.operators.heap import HeapEventSyncOperator

with DAG(
    dag_id="heap_backfill",
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    # From today on, one day at a time; the command above sends the past.
    catchup=False,
    max_active_runs=1,
    tags=["heap", "example"],
    default_args={"owner": "data", "retries": 3, "retry_delay": timedelta(minutes=5)},
    doc_md=__doc__,
):
    HeapEventSyncOperator(
        task_id="orders",
        # A run without an interval, triggered by hand or by an asset, sends the whole table.
        model="""
            select order_id, email, amount, currency, ordered_at
            from orders
            {% if data_interval_start is defined and data_interval_start %}
            where ordered_at >= '{{ data_interval_start.strftime("%Y-%m-%d") }}'
              and ordered_at < '{{ data_interval_end.strftime("%Y-%m-%d") }}'
            {% endif %}
            order by ordered_at
        """,
        sql_conn_id="warehouse",
        identity="email",
        event="Order Placed",
        insert_id="order_id",
        # The day on which it happened, not that of the backfill.
        timestamp="ordered_at",
        properties={"Amount": "amount", "Currency": "currency"},
        # A few orders without an email do not stop the backfill; more than one in a hundred do.
        max_rejected=0.01,
    )
