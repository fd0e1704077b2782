"""What a run covers when Airflow gives it an empty data interval, or none: no row is missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.system.dags import AIRFLOW_2, load, run_dag

HOURLY = """
from datetime import UTC, datetime
from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.trigger import CronTriggerTimetable
from airflow_provider_heap.operators.heap import HeapEventSyncOperator

with DAG(dag_id="DAG_ID", schedule=CronTriggerTimetable("0 * * * *", timezone="UTC"),
         start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):
    HeapEventSyncOperator(
        task_id="orders", sql_conn_id="warehouse", identity="email", event="Order", insert_id="id", timestamp="at",
        model="select * from orders where at >= 'START' and at < 'END' order by at",
    )
"""


def hourly(tmp_path, dag_id, start, end):
    """A DAG as ``@hourly`` is in Airflow 3, with a query between two templates."""
    file = tmp_path / f"{dag_id}.py"
    file.write_text(HOURLY.replace("START", start).replace("END", end).replace("DAG_ID", dag_id))
    return load(file)[dag_id]


def orders(warehouse, hours):
    rows = [{"id": hour, "email": "ada@x.com", "at": f"2026-11-20 {hour:02}:30:00"} for hour in hours]
    warehouse.table("orders", rows)


def run_at(dag, hour):
    """Run the DAG as it is scheduled at an hour; return the report."""
    _, reports = run_dag(dag, logical_date=datetime(2026, 11, 20, hour, tzinfo=UTC))
    return reports["orders"]


def test_a_run_reads_the_time_since_the_last_one_that_succeeded(heap_sandbox, warehouse, tmp_path):
    orders(warehouse, range(6, 14))
    start = "{{ heap_interval(lookback=macros.timedelta(hours=2)).start }}"
    dag = hourly(tmp_path, "since_the_last", start, "{{ heap_interval().end }}")
    # The first one goes back two hours; the second comes three hours later, as after an outage.
    assert [run_at(dag, hour)["read"] for hour in (9, 12, 13)] == [2, 3, 1]
    assert [event["timestamp"][11:16] for event in heap_sandbox.events] == [f"{hour:02}:30" for hour in range(7, 13)]


def test_the_empty_interval_reads_nothing_and_the_log_says_why(heap_sandbox, warehouse, tmp_path, capsys, caplog):
    orders(warehouse, range(6, 14))
    dag = hourly(tmp_path, "empty", "{{ data_interval_start }}", "{{ data_interval_end }}")
    assert run_at(dag, 9)["read"] == 0
    log = "".join(capsys.readouterr()) + caplog.text
    assert "The query can return no rows: it asks for those of this run's data interval, which is empty" in log


@pytest.mark.skipif(AIRFLOW_2, reason="a run of Airflow 2 always has a logical date")
def test_a_run_by_hand_without_a_date_goes_back_as_far_as_it_is_told(heap_sandbox, warehouse, tmp_path):
    now = datetime.now(UTC)
    rows = [{"id": n, "email": "ada@x.com", "at": f"{now - timedelta(minutes=50 * n + 10)}"[:19]} for n in range(5)]
    warehouse.table("orders", rows)
    start = "{{ heap_interval(lookback=macros.timedelta(hours=2)).start }}"
    _, reports = run_dag(hourly(tmp_path, "by_hand", start, "{{ heap_interval().end }}"))
    assert reports["orders"]["read"] == 3
