"""The tables are created, read and written, and their database's errors become our own."""

from __future__ import annotations

import sqlite3
import threading

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from airflow_provider_heap.exceptions import StateError, SyncRunningError
from airflow_provider_heap.hooks.sql import state_store
from airflow_provider_heap.sync.state.state_key import StateKey

ALL = pytest.mark.parametrize("conn_id", ["sqlite", "pg", "maria"], indirect=True)


@ALL
def test_tables_are_created_once_however_many_do_it_at_the_same_time(conn_id):
    stores = [state_store(conn_id, "heap_sync_state") for _ in range(8)]
    assert not stores[0].has_tables()
    barrier, errors = threading.Barrier(8), []

    def create(store):
        barrier.wait()
        try:
            store.create_tables()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=create, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert all(store.has_tables() for store in stores)
    for store in stores:
        store.engine.dispose()


@ALL
def test_a_sync_is_registered_once_and_its_row_can_be_written(store, key):
    store.register_sync(key)
    store.update_sync(key, mapping="1:abc", last_run="dag/run")
    [row] = store.sync_rows(key.sync)
    assert row == store.sync_row(key)
    assert (row["sync_id"], row["object"], row["mapping"], row["last_run"]) == (key.id, "user", "1:abc", "dag/run")


@ALL
def test_a_name_that_differs_in_case_is_another_sync(store, key):
    other = StateKey(key.sync.upper(), key.environment, key.heap_object)
    assert store.sync_row(other) is None
    store.register_sync(other)
    assert len(store.sync_rows(key.sync)) == len(store.sync_rows(other.sync)) == 1


@ALL
def test_keys_are_counted_and_deleted_by_state_by_name_and_by_age(store):
    store.record("s", {"a": "1", "b": "2"}, 100)
    store.record("s", {"c": "3"}, 200)
    store.record("t", {"d": "4"}, 100)
    assert (store.size("s"), store.sent_at("c"), store.sent_at("x")) == (3, 200, None)
    assert store.delete("s", ["a", "d"]) == 1
    assert store.delete("s", before=200) == 1
    assert store.delete("s") == 1
    assert (store.size("s"), store.size("t")) == (0, 1)


def test_an_error_names_the_table_and_the_connection_and_no_value(store, conn_id):
    with store.engine.begin() as connection:
        connection.execute(sa.text("drop table heap_sync_state"))
    with pytest.raises(StateError, match=f"'heap_sync_state' of connection '{conn_id}'") as raised:
        store.record("s", {"secret": "value"}, 1)
    assert "secret" not in str(raised.value)


@ALL
def test_nothing_is_written_behind_a_fence(store, key):
    def fence(connection):
        raise SyncRunningError("taken")

    store.record(key.id, {"a": "1"}, 1)
    for write in (
        lambda: store.record(key.id, {"a": "2"}, 2, fence),
        lambda: store.strike_out(["a"], fence),
        lambda: store.update_sync(key, fence, last_run="mine"),
    ):
        with pytest.raises(SyncRunningError):
            write()
    assert list(store.rows(key.id)) == [("a", "1", 1)]
    assert store.sync_row(key)["last_run"] is None


def test_a_transaction_that_the_database_ended_is_tried_again(store):
    tries = []

    def work(connection):
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("update", {}, Exception("deadlock"))
        return "done"

    assert store.transact("written", work) == "done"


def test_a_transaction_is_not_tried_forever(store):
    tries = []

    def work(connection):
        tries.append(1)
        raise OperationalError("update", {}, Exception("deadlock"))

    with pytest.raises(StateError, match="deadlock"):
        store.transact("written", work)
    assert len(tries) == 3


def test_a_lookup_is_tried_again_when_its_connection_was_lost(store, monkeypatch):
    store.record("s", {"a" * 32: "f" * 16}, 1)
    lookup, failures = store._dialect.fingerprints_of, [sqlite3.OperationalError("lost")] * 2

    def fail_first(connection, key_hashes):
        if failures:
            raise failures.pop()  # SQLAlchemy lets such errors through when it puts a connection back
        return lookup(connection, key_hashes)

    monkeypatch.setattr(store._dialect, "fingerprints_of", fail_first)
    assert store.fingerprints_of(["a" * 32]) == {"a" * 32: "f" * 16}
    failures += [sqlite3.OperationalError("lost")] * 3
    with pytest.raises(StateError, match="lost"):
        store.fingerprints_of(["a" * 32])
