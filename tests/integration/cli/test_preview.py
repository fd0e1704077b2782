"""``airflow heap preview`` tells what the run that follows does, and does nothing itself."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from airflow_provider_heap.api.client import HeapClient
from airflow_provider_heap.operators.heap import HeapEventSyncOperator, HeapUserSyncOperator

DAG = """
with DAG(dag_id="people", schedule=None):
    common = dict(sql_conn_id="warehouse", identity="email")
    HeapUserSyncOperator(task_id="users", model="select * from users order by n", state_conn_id="state", **common)
    HeapUserSyncOperator(task_id="some", model="select * from users where n <= {{ dag_run.conf['most'] }} -- {{ ds }}",
                         properties={"Plan": "PLAN", "By": Constant("{{ dag.dag_id }}"),
                                     "Both": RowTemplate("{{ plan }} {{ seats }}")}, **common)
    HeapUserSyncOperator(task_id="guarded", model="select * from users", min_rows=1000, **common)
    HeapUserSyncOperator(task_id="wrong", model="select * from users", properties={"A": "nix"}, **common)
    HeapUserSyncOperator(task_id="odd", model="select * from odd", max_rejected=1, rejects_path="/nowhere", **common)
    HeapEventSyncOperator(task_id="events", model="select * from users order by n", insert_id="n", timestamp=None,
                          event="Seen", **common)
    HeapUserSyncOperator.partial(task_id="shards", **common).expand(
        model=["select * from users where n < 3", "select * from users where n > 2"])
"""


@pytest.fixture(autouse=True)
def _people(dag_file, warehouse, heap_sandbox, tmp_path, monkeypatch):
    warehouse.users(2500)
    monkeypatch.setenv("AIRFLOW_CONN_STATE", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "state.db")}))
    dag_file(DAG)


@pytest.fixture
def bodies(monkeypatch):
    """The bodies of the requests that are sent."""
    sent, call = [], HeapClient._call
    monkeypatch.setattr(HeapClient, "_call", lambda self, *request: sent.append(request[2]) or call(self, *request))
    return sent


@pytest.fixture
def look(heap):
    """Preview a task of the DAG, as JSON."""
    return lambda task, *words: json.loads(heap("preview", "people", task, "--output", "json", *words))


def run_users(run):
    operator = HeapUserSyncOperator(
        task_id="users",
        model="select * from users order by n",
        sql_conn_id="warehouse",
        identity="email",
        state_conn_id="state",
        sync_name="people.users",
        concurrency=1,
    )
    return run(operator)


def test_the_first_request_is_byte_for_byte_that_of_the_run_that_follows(look, run, bodies, warehouse, heap_sandbox):
    before = look("users", "--all")
    assert bodies == []
    report = run_users(run)
    assert before["first_request"].encode() == bodies[0]
    assert (before["counts"]["new"], before["counts"]["would_send"]) == (2500, report["sent"])
    assert (before["requests"], before["bytes"]) == (report["requests"], report["bytes"])
    with closing(sqlite3.connect(warehouse.path)) as connection, connection:
        connection.execute("update users set seats = -1 where n in (7, 2001)")
        connection.execute("insert into users values ('new@example.com', 'free', 1, 9999)")
    bodies.clear()
    after = look("users", "--all")
    run_users(run)
    assert after["first_request"].encode() == bodies[0]
    assert {name: after["counts"][name] for name in ("read", "new", "changed", "unchanged")} == {
        "read": 2501,
        "new": 1,
        "changed": 2,
        "unchanged": 2498,
    }


def test_events_are_cut_into_the_requests_of_the_run_and_told_how_long_they_take(look, run, bodies):
    before = look("events", "--all")
    operator = HeapEventSyncOperator(
        task_id="events",
        model="select * from users order by n",
        sql_conn_id="warehouse",
        identity="email",
        insert_id="n",
        timestamp=None,
        event="Seen",
        concurrency=1,
    )
    run(operator)
    assert before["first_request"].encode() == bodies[0]
    assert (before["items_a_minute"], round(before["minutes"], 2)) == (15_000, 0.17)


def test_it_reads_as_many_rows_as_asked_for_and_closes_the_query(look, warehouse):
    found = look("users", "--rows", "10")
    assert (found["counts"]["read"], found["complete"]) == (10, False)
    assert len(json.loads(found["first_request"])["users"]) == 10
    assert look("users")["counts"]["read"] == 100
    exact = look("users", "--rows", "2500")
    assert (exact["counts"]["read"], exact["complete"]) == (2500, True)


def test_no_state_is_made_and_nothing_is_sent(look, heap_sandbox, tmp_path):
    look("users", "--all")
    assert heap_sandbox.requests == []
    with closing(sqlite3.connect(tmp_path / "state.db")) as database:
        assert database.execute("select * from sqlite_master").fetchall() == []


def test_it_says_where_each_property_comes_from_of_which_type_and_with_which_values(look):
    found = look("some", "--conf", '{"most": 2}', "--logical-date", "2026-01-02")
    assert found["model"] == "select * from users where n <= 2 -- 2026-01-02"
    assert found["mapping"] == [
        {
            "property": "identity",
            "column": "email",
            "types": ["str"],
            "samples": ["u1@example.com", "u2@example.com"],
        },
        {"property": "Plan", "column": "plan", "types": ["str"], "samples": ["pro"]},
        {"property": "By", "column": "Constant(value='people')", "types": [], "samples": ["people"]},
        {
            "property": "Both",
            "column": "RowTemplate(template='{{ plan }} {{ seats }}')",
            "types": [],
            "samples": ["pro 1", "pro 2"],
        },
    ]
    assert found["counts"]["new"] is None
    assert found["state"] is None


def test_an_instance_of_a_mapped_task_is_previewed(look):
    assert look("shards", "--map-index", "0")["counts"]["read"] == 2


def test_guards_are_judged_when_the_whole_model_is_read(look, warehouse):
    assert look("guarded")["problem"] is None
    assert look("guarded", "--all")["problem"] is None
    with closing(sqlite3.connect(warehouse.path)) as connection, connection:
        connection.execute("delete from users where n > 10")
    assert "fewer than min_rows=1,000" in look("guarded", "--all")["problem"]


def test_a_sync_that_cannot_begin_says_why(heap):
    with pytest.raises(SystemExit, match=r"needs the column 'nix': no such column. The model has: 'email'"):
        heap("preview", "people", "wrong")
    with pytest.raises(SystemExit, match="--rows must be at least 1"):
        heap("preview", "people", "users", "--rows", "0")


def test_the_table_tells_all_and_no_value_steers_the_terminal(heap, warehouse):
    warehouse.table(
        "odd",
        [
            {"email": "a@example.com", "note": "red \x1b[31m\x9b31m [bold]\u202e", "long": "x" * 3000},
            {"email": None, "note": None, "long": None},
        ],
    )
    told = heap("preview", "people", "odd")
    assert not set(told) & {"\x1b", "\x9b", "\u202e"}
    words = " ".join(told.split())
    for part in (
        "Preview of sync people.odd. Nothing is sent, nothing is recorded.",
        "select * from odd",
        "connection 'warehouse'",
        "update or create",
        "identity ← email",
        "none: every row is sent in every run",
        "[bold]",
        "would be sent 1",
        "identity_null 1",
        "texts truncated 1",
        "To send them takes as long as Heap takes to answer",
        "The first request",
        '"identity": "a@example.com"',
        "Row 2 is invalid: identity_null (column 'email')",
    ):
        assert part in words, part
    assert max(map(len, told.splitlines())) <= 200


def test_surprises_of_the_state_are_told_beforehand(look, run, monkeypatch, heap_sandbox):
    run_users(run)
    connection = {"conn_type": "heap", "login": "999", "host": heap_sandbox.url}
    monkeypatch.setenv("AIRFLOW_CONN_HEAP_DEFAULT", json.dumps(connection))
    [note] = look("users")["notes"]
    assert "The state of sync people.users is empty for this target" in note
