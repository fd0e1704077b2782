"""
### Orders as events, day by day, the past included

Each run sends the orders of its own day, so a day can be sent again, and past years can be sent once:

    airflow backfill create --dag-id heap_backfill --from-date 2025-01-01 --to-date 2025-12-31

(`airflow dags backfill -s 2025-01-01 -e 2025-12-31 heap_backfill` in Airflow 2.) No order counts twice, however often
its day is sent: Heap knows it by its insert ID. Runs take turns, because Heap takes 15,000 events a minute from all
of them together. Heap documents no age limit for events; try one old day before you send years.

**Look at** *Rendered Templates* of the task: each run has its own day in the query. A run that is triggered by hand
without a date sends the last seven days.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, Param
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_heap.operators.heap import HeapEventSyncOperator

with DAG(
    dag_id="heap_backfill",
    description="The orders of each day as events; also those of past years, with a backfill.",
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    # From today on, one day at a time; the command above sends the past.
    catchup=False,
    max_active_runs=1,
    tags=["heap", "example"],
    default_args={"owner": "data", "retries": 3, "retry_delay": timedelta(minutes=5)},
    params={
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Send nothing; the log says how many rows would be sent.",
        )
    },
    doc_md=__doc__,
):
    HeapEventSyncOperator(
        task_id="orders",
        # The day of the run; the last seven when somebody triggers it without a date.
        model="""
            {% set interval = heap_interval(lookback=macros.timedelta(days=7)) %}
            select order_id, email, amount, currency, ordered_at
            from orders
            where ordered_at >= '{{ interval.start }}' and ordered_at < '{{ interval.end }}'
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
        dry_run="{{ params.dry_run }}",
    )
