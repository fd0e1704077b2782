"""The tables are created once, a transaction is tried again, and the database's errors become our own."""

from __future__ import annotations

import json
import os
import sqlite3
import threading

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from airflow_provider_heap.exceptions import StateError, SyncRunningError
from airflow_provider_heap.hooks.sql import state_store
from tests.conftest import STATE_SERVERS

ALL = pytest.mark.parametrize("conn_id", ["sqlite", *STATE_SERVERS], indirect=True)


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


def test_an_error_names_the_table_and_the_connection_and_no_value(store, conn_id):
    with store.engine.begin() as connection:
        connection.execute(sa.text("drop table heap_sync_state"))
    with pytest.raises(StateError, match=f"'heap_sync_state' of connection '{conn_id}'") as raised:
        store.record("s", {"secret": "value"}, 1)
    assert "secret" not in str(raised.value)


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


def test_a_run_that_lost_its_hold_is_told_so_by_a_database_whose_driver_has_few_classes_of_errors(
    tmp_path, monkeypatch, key
):
    pytest.importorskip("duckdb_engine")
    connection = {"conn_type": "duckdb", "host": str(tmp_path / "state.duckdb")}
    monkeypatch.setenv("AIRFLOW_CONN_DUCK", json.dumps(connection))
    store = state_store("duck", "heap_sync_state")
    store.create_tables()
    store.register_sync(key)

    def fence(connection):
        raise SyncRunningError("taken")

    with pytest.raises(SyncRunningError, match="taken"):
        store.record(key.id, {"a" * 32: "f" * 16}, 1, fence)
    with pytest.raises(StateError, match="no_such_table"):
        store.transact("written", lambda connection: connection.execute(sa.text("delete from no_such_table")))
    store.close()


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


def test_a_user_that_may_only_read_is_answered_with_the_rights_that_are_missing(postgres, monkeypatch):
    postgres.execute("drop role if exists heap_state_reader")
    postgres.execute("create role heap_state_reader login password 'x'")
    try:
        connection = json.loads(os.environ["AIRFLOW_CONN_PG"]) | {"login": "heap_state_reader", "password": "x"}
        monkeypatch.setenv("AIRFLOW_CONN_READER", json.dumps(connection))
        store = state_store("reader", "heap_sync_state")
        with pytest.raises(StateError, match="could not be created, in table 'heap_sync_state'") as raised:
            store.create_tables()
        store.engine.dispose()
    finally:
        postgres.execute("drop role heap_state_reader")
    assert "grant select, insert, update, delete on heap_sync_state, heap_sync_state_syncs to heap_state_reader" in str(
        raised.value
    )
    assert "CREATE in the connection's schema" in str(raised.value)
