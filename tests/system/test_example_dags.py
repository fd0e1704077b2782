"""The example DAGs do what their pages say, with and without a logical date."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.conftest import ROOT
from tests.system.dags import AIRFLOW_2, load, run_dag, task_instances


@pytest.fixture
def demo_warehouse(tmp_path, monkeypatch):
    """The connection of the demo."""
    connection = {"conn_type": "sqlite", "host": str(tmp_path / "demo.db")}
    monkeypatch.setenv("AIRFLOW_CONN_HEAP_DEMO_WAREHOUSE", json.dumps(connection))


# A run of Airflow 2 always has a logical date.
DATE = datetime(2026, 11, 20, 10, tzinfo=UTC)
dates = pytest.mark.parametrize("logical_date", [DATE] if AIRFLOW_2 else [DATE, None])


@dates
def test_the_demo_brings_its_warehouse_into_heap(heap_sandbox, demo_warehouse, logical_date):
    dag = load(ROOT / "dags" / "heap_demo.py")["heap_demo"]
    states, reports = run_dag(dag, logical_date=logical_date)
    assert set(states.values()) == {"success"}
    assert {
        task: (report["read"], report["invalid"], report["sent"]) for task, report in reports.items() if report
    } == {
        "users": (7, 2, 5),
        "accounts": (4, 1, 3),
        "orders": (6, 2, 4),
    }
    assert reports["users"]["truncated"] == 1
    ada = heap_sandbox.users["ada@example.com"]
    assert (ada["Name"], ada["Seats"], ada["email"]) == ("Ada King", 4, "ada@example.com")
    assert ada["Source"].startswith("heap_demo of manual__")
    assert heap_sandbox.accounts["1"]["MRR"] == 4900.5
    assert [event["properties"]["amount"] for event in heap_sandbox.events] == [19.9, 250, 12000]
    assert heap_sandbox.events[0]["timestamp"] == "2026-11-20T09:15:00+01:00"
    assert heap_sandbox.environment().duplicates == 1


@dates
def test_the_hourly_dag_sends_the_orders_of_its_hour(heap_sandbox, warehouse, logical_date):
    warehouse.table("companies", [{"company_id": 1, "name": "Engines"}])
    warehouse.table(
        "people", [{"email": "ada@x.com", "company_id": 1, "plan": "pro", "trial_ends_at": "2027-01-01 00:00:00"}]
    )
    warehouse.table(
        "orders",
        [
            {
                "order_id": hour,
                "email": "ada@x.com",
                "amount": 5,
                "currency": "EUR",
                "ordered_at": f"2026-11-20 {hour:02}:30:00",
            }
            for hour in range(24)
        ],
    )
    dag = load(ROOT / "dags" / "heap_hourly.py")["heap_hourly"]
    states, reports = run_dag(dag, logical_date=logical_date)
    assert set(states.values()) == {"success"}
    assert heap_sandbox.accounts == {"1": {"Name": "Engines", "Lifetime Value": 120, "Orders": 24}}
    sent = [event["timestamp"] for event in heap_sandbox.events]
    assert len(sent) == 24 if logical_date is None else sent == ["2026-11-20T09:30:00+00:00"]
    assert reports["orders"]["sent"] == len(sent)


@dates
def test_the_sharded_dag_brings_each_row_once(heap_sandbox, warehouse, logical_date):
    people = [{"id": n, "email": f"u{n}@x.com", "plan": "pro", "seats": n} for n in range(50)]
    orders = [
        {"order_id": n, "person_id": n % 50, "email": f"u{n % 50}@x.com", "ordered_at": "2026-11-20", "amount": n}
        for n in range(120)
    ]
    warehouse.table("people", people)
    warehouse.table("orders", orders)
    dag = load(ROOT / "dags" / "heap_sharded.py")["heap_sharded"]
    instances = task_instances(dag, logical_date=logical_date)
    assert [str(ti.state) for ti in instances] == ["success"] * 8
    assert len(heap_sandbox.users) == 50
    assert sorted(event["properties"]["amount"] for event in heap_sandbox.events) == list(range(120))
