"""``airflow heap preview --key`` follows one row to its item, and sends it like a run does."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from airflow_provider_heap.exceptions import SyncRunningError
from airflow_provider_heap.operators.heap import HeapUserSyncOperator
from airflow_provider_heap.sync.plan import Holder
from airflow_provider_heap.sync.state.lease import Lease
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.sync.stop_signal import StopSignal

DAG = """
with DAG(dag_id="people", schedule=None):
    common = dict(sql_conn_id="warehouse", identity="email")
    users = "select * from users order by n"
    HeapUserSyncOperator(task_id="users", model=users, state_conn_id="state", max_changed=0.5, min_rows=3,
                         fetch_size=2, **common)
    HeapUserSyncOperator(task_id="stateless", model=users, **common)
    HeapUserSyncOperator(task_id="numbers", model=users, sql_conn_id="warehouse", identity="n")
    HeapEventSyncOperator(task_id="seen", event="Seen", insert_id="n", timestamp="at", model="select *, "
        "case n when 2 then 'soon' else '2026-11-23' end as at from users", **common)
    HeapEventSyncOperator(task_id="named", event_column="plan", insert_id="n", timestamp=None, model=users, **common)
    HeapUserDeletionOperator(task_id="erase", max_rows=5, model=users, state_conn_id="state", **common)
    HeapUserDeletionOperator(task_id="erase_ids", max_rows=5, model=users, sql_conn_id="warehouse", user_id="n")
    HeapUserSyncOperator.partial(task_id="shards", **common).expand(
        model=["select * from users where n < 3", "select * from users where n > 2"])
"""


@pytest.fixture(autouse=True)
def _people(dag_file, warehouse, heap_sandbox, tmp_path, monkeypatch):
    warehouse.users(5)
    monkeypatch.setenv("AIRFLOW_CONN_STATE", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "state.db")}))
    dag_file(DAG)


@pytest.fixture
def look(heap):
    """Look at the row of a key, as JSON."""

    def run(task, key, *words):
        return json.loads(heap("preview", "people", task, "--key", key, "--output", "json", *words))

    return run


@pytest.fixture
def keys(warehouse):
    """The keys of the model, in its order."""
    with closing(sqlite3.connect(warehouse.path)) as database:
        return [key for [key] in database.execute("select email from users order by n")]


@pytest.fixture
def change(warehouse):
    """Change the row of a key."""

    def update(key):
        with closing(sqlite3.connect(warehouse.path)) as database, database:
            database.execute("update users set seats = seats + 1 where email = ?", [key])

    return update


def sync(run, **parameters):
    operator = HeapUserSyncOperator(
        task_id="users",
        model="select * from users order by n",
        sql_conn_id="warehouse",
        identity="email",
        state_conn_id="state",
        sync_name="people.users",
        **parameters,
    )
    return run(operator)


def test_a_row_is_shown_with_its_number_mapping_state_and_item_and_nothing_is_sent(look, heap_sandbox, keys):
    found = look("users", keys[2])
    assert (found["row"], found["key"], found["state"], found["sent_at"]) == (3, keys[2], "new", None)
    assert found["item"]["identity"] == keys[2]
    assert [(one["property"], one["column"], one["types"]) for one in found["mapping"]] == [
        ("identity", "email", ["str"]),
        ("plan", "plan", ["str"]),
        ("seats", "seats", ["int"]),
        ("n", "n", ["int"]),
    ]
    assert found["mapping"][2]["samples"] == [found["item"]["properties"]["seats"]]
    assert heap_sandbox.requests == []


def test_the_state_says_whether_a_run_would_send_it(look, run, keys, change):
    sync(run)
    found = look("users", keys[1])
    assert found["state"] == "unchanged"
    assert found["sent_at"] > 1_700_000_000
    change(keys[1])
    assert look("users", keys[1])["state"] == "changed"
    assert look("stateless", keys[1])["state"] == "none"


def test_it_is_printed_for_people(heap, keys):
    printed = heap("preview", "people", "users", "--key", keys[0])
    for part in (
        "Row 1 of the model of sync people.users",
        "new: the key is not recorded",
        "value as sent",
        "The item",
    ):
        assert part in printed


def test_a_key_is_compared_as_heap_has_it(look):
    assert look("numbers", "4")["row"] == 4
    assert look("seen", "3")["item"]["event"] == "Seen"
    assert look("named", "3", "--event", "pro")["item"]["event"] == "pro"


def test_an_instance_of_a_mapped_task_has_its_own_rows(look, heap, keys):
    assert look("shards", keys[3], "--map-index", "1")["row"] == 2
    with pytest.raises(SystemExit, match="None of the 2 rows of the model has the key"):
        heap("preview", "people", "shards", "--map-index", "0", "--key", keys[3])


def test_an_invalid_row_is_found_too_and_says_why(look, heap):
    found = look("seen", "2")
    assert (found["item"], found["state"]) == (None, None)
    assert found["invalid"]["reason"] == "timestamp_unreadable"
    assert "The row is invalid: timestamp_unreadable (column 'at')" in heap("preview", "people", "seen", "--key", "2")
    with pytest.raises(SystemExit, match="invalid, so there is nothing to send"):
        heap("preview", "people", "seen", "--key", "2", "--send", "-y")


def test_sending_asks_first(heap, heap_sandbox, monkeypatch, keys):
    monkeypatch.setattr("builtins.input", lambda: "n")
    with pytest.raises(SystemExit, match=r"Nothing was sent\.$"):
        heap("preview", "people", "users", "--key", keys[0], "--send")
    assert heap_sandbox.requests == []
    monkeypatch.setattr("builtins.input", lambda: "y")
    assert "Sent 1 user to http://127.0.0.1" in heap("preview", "people", "users", "--key", keys[0], "--send")
    assert list(heap_sandbox.users) == [keys[0]]


def test_what_was_sent_is_recorded_so_that_the_next_run_sends_the_others(heap, look, run, heap_sandbox, keys):
    shown = look("users", keys[0])["item"]
    printed = heap("preview", "people", "users", "--key", keys[0], "--send", "-y")
    assert "recorded in heap_sync_state of state" in printed
    assert heap_sandbox.requests[0].items == [shown]
    # It does not count as a run: with nothing to compare with, max_changed allows the first one.
    report = sync(run, max_changed=0.5)
    assert (report["sent"], report["unchanged"]) == (4, 1)


def test_a_row_that_is_unchanged_is_sent_all_the_same(heap, run, heap_sandbox, keys):
    sync(run)
    before = len(heap_sandbox.requests)
    heap("preview", "people", "users", "--key", keys[0], "--send", "-y")
    assert len(heap_sandbox.requests) == before + 1
    assert sync(run)["sent"] == 0


def test_a_row_that_heap_refuses_is_struck_out_and_sent_by_the_next_run(heap, look, run, heap_sandbox, keys, change):
    sync(run)
    change(keys[0])
    heap_sandbox.faults.refuse = frozenset({keys[0]})
    with pytest.raises(SystemExit, match="Heap rejected the user \\(http_400\\)"):
        heap("preview", "people", "users", "--key", keys[0], "--send", "-y")
    assert look("users", keys[0])["state"] == "changed"
    heap_sandbox.faults.refuse = frozenset()
    assert sync(run)["sent"] == 1


def test_without_state_it_is_said_that_nothing_is_recorded(heap, keys):
    printed = heap("preview", "people", "stateless", "--key", keys[0], "--send", "-y")
    assert "; this task keeps no state." in printed


def test_a_run_that_holds_the_sync_keeps_it_out(heap, run, heap_sandbox, keys):
    sync(run)
    from airflow_provider_heap.cli.dags import find_dag
    from airflow_provider_heap.cli.tasks import render

    operator, context = render(find_dag("people"), "users")
    lease = Lease(operator.open_store(), StateKey.of(operator.plan(context)), Holder("another run"), StopSignal())
    lease.acquire()
    try:
        before = len(heap_sandbox.requests)
        with pytest.raises(SystemExit, match="another run") as raised:
            heap("preview", "people", "users", "--key", keys[0], "--send", "-y")
        assert not isinstance(raised.value, SyncRunningError)
        assert len(heap_sandbox.requests) == before
    finally:
        lease.release()


def test_a_key_that_no_row_has_is_answered_with_the_number_of_rows_that_were_read(heap):
    with pytest.raises(SystemExit, match=r"None of the 5 rows of the model has the key 'nobody'\."):
        heap("preview", "people", "users", "--key", "nobody")


@pytest.mark.parametrize("words", [["--send"], ["--event", "x"]])
def test_sending_needs_a_key(heap, words):
    with pytest.raises(SystemExit, match="say which row with --key"):
        heap("preview", "people", "users", *words)


@pytest.mark.parametrize(("task", "field"), [("erase", "identity"), ("erase_ids", "user_id")])
def test_a_person_who_is_to_be_deleted_is_shown_and_not_deleted_alone(heap, look, heap_sandbox, keys, task, field):
    key = {"identity": keys[2], "user_id": "3"}[field]
    found = look(task, key)
    assert (found["key"], found["object"], found["row"]) == (key, "user deletion", 3)
    assert found["item"] == {field: key}
    assert "Object  user deletions" in heap("preview", "people", task, "--key", key)
    with pytest.raises(SystemExit, match="A deletion can't be undone and is not tried on one row"):
        heap("preview", "people", task, "--key", key, "--send", "-y")
    assert heap_sandbox.requests == []
