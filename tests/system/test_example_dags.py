"""The example DAGs do what their pages say, with and without a logical date."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import ROOT
from tests.system.dags import AIRFLOW_2, asset_events, load, run_dag, task_instances


def text(moment):
    """A time as the warehouse has it."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"


@pytest.fixture
def demo_warehouse(tmp_path, monkeypatch):
    """The connection of the demo."""
    connection = {"conn_type": "sqlite", "host": str(tmp_path / "demo.db")}
    monkeypatch.setenv("AIRFLOW_CONN_HEAP_DEMO_WAREHOUSE", json.dumps(connection))


# A run of Airflow 2 always has a logical date.
DATE = datetime(2026, 11, 20, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
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
def test_the_hourly_dag_sends_the_orders_of_its_hour_and_by_hand_those_of_a_day(heap_sandbox, warehouse, logical_date):
    warehouse.table("companies", [{"company_id": 1, "name": "Engines"}])
    warehouse.table(
        "people", [{"email": "ada@x.com", "company_id": 1, "plan": "pro", "trial_ends_at": "2027-01-01 00:00:00"}]
    )
    last = (logical_date or datetime.now(UTC)) - timedelta(minutes=30)
    orders = [
        {"order_id": n, "email": "ada@x.com", "amount": 5, "currency": "EUR", "ordered_at": text(last - n * HOUR)}
        for n in range(30)
    ]
    warehouse.table("orders", orders)
    dag = load(ROOT / "dags" / "heap_hourly.py")["heap_hourly"]
    states, reports = run_dag(dag, logical_date=logical_date)
    assert set(states.values()) == {"success"}
    assert heap_sandbox.accounts == {"1": {"Name": "Engines", "Lifetime Value": 150, "Orders": 30}}
    sent = [event["timestamp"] for event in heap_sandbox.events]
    assert len(sent) == 24 if logical_date is None else sent == ["2026-11-20T09:30:00+00:00"]
    assert reports["orders"]["sent"] == len(sent)
    # Users and accounts are sent once; the orders of the same interval are sent again, and count once.
    _, again = run_dag(dag, logical_date=logical_date)
    assert [again[task]["sent"] for task in ("users", "accounts", "orders")] == [0, 0, len(sent)]
    assert len(heap_sandbox.events) == len(sent)


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


@dates
def test_the_four_questions_of_a_product_team_are_answered_and_a_trial_that_is_over_is_emptied(
    heap_sandbox, warehouse, logical_date
):
    now = logical_date or datetime.now(UTC)
    warehouse.table("companies", [{"company_id": 1, "name": "Engines"}, {"company_id": 2, "name": "Looms"}])
    warehouse.table(
        "people",
        [
            {"email": "ada@x.com", "company_id": 1, "plan": "trial", "trial_ends_at": "2026-12-01"},
            {"email": "bob@x.com", "company_id": 1, "plan": "pro", "trial_ends_at": None},
        ],
    )
    warehouse.table("orders", [{"email": email, "amount": 5} for email in ("ada@x.com", "bob@x.com")])
    sessions = {1: 0, 5: 2, 20: 3, 40: 4}  # reports by the days since then
    warehouse.table(
        "sessions",
        [
            {"session_id": n, "email": "ada@x.com", "reports": n, "started_at": text(now - timedelta(days=days))}
            for days, n in sessions.items()
        ],
    )
    dag = load(ROOT / "dags" / "heap_product_questions.py")["heap_product_questions"]
    states, _ = run_dag(dag, logical_date=logical_date)
    assert set(states.values()) == {"success"}
    assert heap_sandbox.accounts == {
        "1": {"Name": "Engines", "Lifetime Value": 10},
        "2": {"Name": "Looms", "Lifetime Value": 0},
    }
    assert heap_sandbox.users == {
        "ada@x.com": {
            "Plan": "trial",
            "Trial End": "2026-12-01",
            "Became Active": text(now - timedelta(days=40)),
            "Reports, 7 Days": 2,
            "Reports, 30 Days": 5,
            "Sessions, 7 Days": 2,
            "Sessions, 30 Days": 3,
        },
        "bob@x.com": {
            "Plan": "pro",
            "Trial End": "",
            "Reports, 7 Days": 0,
            "Reports, 30 Days": 0,
            "Sessions, 7 Days": 0,
            "Sessions, 30 Days": 0,
        },
    }


@pytest.mark.parametrize("state", [False, True], ids=["without state", "with state"])
def test_a_backfill_sends_each_day_for_itself_and_no_order_counts_twice(heap_sandbox, warehouse, tmp_path, state):
    warehouse.table(
        "orders",
        [
            {
                "order_id": day,
                "email": "ada@x.com",
                "amount": day,
                "currency": "EUR",
                "ordered_at": f"2025-03-{day:02} 09:00:00",
            }
            for day in range(1, 11)
        ]
        + [
            {
                "order_id": 99,
                "email": "ada@x.com",
                "amount": 1,
                "currency": "EUR",
                "ordered_at": text(datetime.now(UTC) - HOUR),
            }
        ],
    )
    file = tmp_path / "heap_backfill.py"
    code = (ROOT / "dags" / "heap_backfill.py").read_text()
    here = 'insert_id="order_id",'
    assert here in code
    file.write_text(code.replace(here, f'{here} state_conn_id="warehouse",') if state else code)
    dag = load(file)["heap_backfill"]
    for day, known in ((4, False), (5, False), (4, True), (5, True)):
        # A run by hand is of the interval before its date; the second time, of a day that was sent.
        states, reports = run_dag(dag, logical_date=datetime(2025, 3, day + 1, 12, tzinfo=UTC))
        assert (states["orders"], reports["orders"]["sent"]) == ("success", 0 if state and known else 1)
    assert [event["timestamp"] for event in heap_sandbox.events] == [
        "2025-03-04T09:00:00+00:00",
        "2025-03-05T09:00:00+00:00",
    ]
    if not AIRFLOW_2:
        _, reports = run_dag(dag)
        assert reports["orders"]["sent"] == 1
        assert len(heap_sandbox.events) == 3


@dates
def test_an_asset_of_the_warehouse_brings_the_lifetime_values_and_updates_one_of_heap(
    heap_sandbox, warehouse, logical_date
):
    warehouse.table("companies", [{"company_id": 1, "name": "Engines"}, {"company_id": 2, "name": "Looms"}])
    warehouse.table("people", [{"email": "ada@x.com", "company_id": 1}])
    warehouse.table("orders", [{"email": "ada@x.com", "amount": n, "ordered_at": f"2026-11-0{n}"} for n in (3, 5)])
    dags = load(ROOT / "dags" / "heap_on_asset.py")
    assert run_dag(dags["heap_on_asset_warehouse"], logical_date=logical_date)[0] == {"account_values": "success"}
    states, reports = run_dag(dags["heap_on_asset"], logical_date=logical_date)
    assert states == {"accounts": "success"}
    assert heap_sandbox.accounts == {
        "1": {"Name": "Engines", "Lifetime Value": 8, "Last Order": "2026-11-05"},
        "2": {"Name": "Looms", "Lifetime Value": 0},
    }
    counters = {name: value for name, value in reports["accounts"].items() if name != "sync"}
    assert asset_events()["heap://heapanalytics.com/2388822444/accounts"].items() >= counters.items()


@dates
def test_the_file_dag_reads_json_lines_with_a_model_of_its_own(heap_sandbox, tmp_path, monkeypatch, logical_date):
    path = tmp_path / "users.jsonl"
    path.write_text('{"email": "ada@x.com", "plan": "pro", "interests": ["engines", "lace"]}\n{"email": "eve@x.com"}\n')
    monkeypatch.setenv("HEAP_USERS_FILE", f"file://{path}")
    dag = load(ROOT / "dags" / "heap_file.py")["heap_file"]
    states, _ = run_dag(dag, logical_date=logical_date)
    assert states == {"users": "success"}
    assert heap_sandbox.users == {"ada@x.com": {"Plan": "pro", "Interests": "engines||lace"}, "eve@x.com": {}}
    assert dag.get_task("users").source_label == f"file file://{path}"
