"""The tables are created once, a transaction is tried again, and the database's errors become our own."""

from __future__ import annotations

import sqlite3
import threading

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from airflow_provider_heap.exceptions import StateError
from airflow_provider_heap.hooks.sql import state_store

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
