"""A dry run does everything but sending and recording: what it says and keeps is what the real run does."""

from __future__ import annotations

import json

import pytest

from airflow_provider_heap.api.rate_limiter import Clock
from airflow_provider_heap.exceptions import TooManyRejectedError
from airflow_provider_heap.operators.heap import HeapEventSyncOperator, HeapUserSyncOperator

COUNTS = ("read", "unchanged", "invalid", "truncated", "requests", "bytes")


@pytest.fixture
def bodies(heap_sandbox, monkeypatch):
    """The bodies of the requests that the sandbox is sent."""
    from airflow_provider_heap.api.client import HeapClient

    sent, call = [], HeapClient._call
    monkeypatch.setattr(HeapClient, "_call", lambda self, *request: sent.append(request[2]) or call(self, *request))
    return sent


@pytest.fixture
def state(tmp_path, monkeypatch):
    """The parameters of an operator that keeps its state in SQLite."""
    connection = {"conn_type": "sqlite", "host": str(tmp_path / "state.db")}
    monkeypatch.setenv("AIRFLOW_CONN_STATE", json.dumps(connection))
    return {"state_conn_id": "state"}


def users(model="select * from users", **parameters):
    return HeapUserSyncOperator(task_id="sync", model=model, sql_conn_id="warehouse", identity="email", **parameters)


def kept(folder):
    return [path.read_bytes() for path in sorted(folder.rglob("*.json"))]


def test_a_dry_run_keeps_the_very_bytes_that_the_real_run_sends_and_sends_none(
    heap_sandbox, warehouse, run, tmp_path, bodies
):
    warehouse.users(2500)
    dry = run(users(dry_run="True", dry_run_path=str(tmp_path / "kept"), concurrency=1))
    assert bodies == []
    assert heap_sandbox.requests == []
    real = run(users(concurrency=1))
    assert kept(tmp_path / "kept") == bodies
    assert len(bodies) == 3
    assert {name: dry[name] for name in COUNTS} == {name: real[name] for name in COUNTS}
    assert (dry["would_send"], dry["sent"], dry["rejected"]) == (2500, 0, 0)
    assert "would_send" not in real


def test_requests_are_cut_for_the_pace_though_a_dry_run_does_not_wait_for_it(warehouse, run, heap_sandbox, monkeypatch):
    monkeypatch.setattr(Clock, "wait", lambda *_: pytest.fail("it waited for the pace"))
    warehouse.users(2500)

    def orders(**parameters):
        return HeapEventSyncOperator(
            task_id="sync",
            model="select * from users",
            sql_conn_id="warehouse",
            identity="email",
            insert_id="n",
            event="E",
            timestamp=None,
            **parameters,
        )

    report = run(orders(dry_run=True, rate_limit=900))
    assert (report["requests"], report["would_send"]) == (3, 2500)


def test_each_try_has_a_folder_of_its_own_that_the_report_names(heap_sandbox, warehouse, run, ti, tmp_path):
    warehouse.users(1)
    ti.map_index, ti.try_number = 4, 2
    report = run(users(dry_run=True, dry_run_path=tmp_path.as_uri()))
    [path] = tmp_path.rglob("*.json")
    assert path == tmp_path / "dag" / "task" / ti.run_id / "map-4-try-2" / "000001.json"
    assert report["dry_run_path"].endswith("/dag/task/" + ti.run_id + "/map-4-try-2")
    assert json.loads(json.dumps(report)) == report


def test_nothing_is_recorded_no_table_made_and_no_sync_held(heap_sandbox, warehouse, run, state, tmp_path):
    import sqlite3

    warehouse.users(10)
    assert run(users(dry_run=True, **state))["would_send"] == 10
    assert sqlite3.connect(tmp_path / "state.db").execute("select * from sqlite_master").fetchall() == []
    run(users("select * from users where n < 8", **state))
    before = list(sqlite3.connect(tmp_path / "state.db").iterdump())
    report = run(users("select email, plan, seats + (n = 7) as seats, n from users", dry_run=True, **state))
    assert (report["unchanged"], report["would_send"]) == (6, 4)
    assert list(sqlite3.connect(tmp_path / "state.db").iterdump()) == before


def test_a_dry_run_forgives_no_more_invalid_rows_than_the_real_one(heap_sandbox, warehouse, run):
    warehouse.table("users", [{"email": None, "n": 1}, {"email": "ada", "n": 2}])
    assert run(users(dry_run=True, max_rejected=1))["invalid"] == 1
    with pytest.raises(TooManyRejectedError, match="1 row was to be sent") as caught:
        run(users(dry_run=True))
    assert caught.value.report["would_send"] == 1


def test_the_recap_says_that_nothing_was_sent(heap_sandbox, warehouse, run, capsys):
    warehouse.users(3)
    run(users(dry_run=True))
    told = " ".join("".join(capsys.readouterr()).split())
    assert "reads connection 'warehouse', and sends no users to Heap" in told
    assert "nothing was sent" in told
    assert "would send 3" in told


def test_an_empty_model_is_no_failure(heap_sandbox, warehouse, run):
    warehouse.users(1)
    report = run(users("select * from users where n > 1", dry_run=True))
    assert (report["read"], report["would_send"], report["requests"], report["bytes"]) == (0, 0, 0, 0)
