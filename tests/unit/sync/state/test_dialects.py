"""Every database writes and finds many keys at once."""

from __future__ import annotations

import threading
import time

import pytest
import sqlalchemy as sa

from airflow_provider_heap.sync.state import dialects
from airflow_provider_heap.sync.state.dialects import OtherDialect, SqliteDialect, dialect_class
from airflow_provider_heap.sync.state.store import Store
from tests.conftest import STATE_SERVERS

ALL = pytest.mark.parametrize("conn_id", ["sqlite", *STATE_SERVERS], indirect=True)


def keys(count, value):
    return {f"{n:032x}": f"{value:016x}" for n in range(count)}


@ALL
def test_a_key_is_written_whether_it_is_recorded_or_not(store):
    store.record("s", keys(3, 1), 1)
    store.record("s", keys(5, 2), 2)
    assert sorted(store.rows("s")) == [(key, fingerprint, 2) for key, fingerprint in keys(5, 2).items()]


def test_a_database_without_an_upsert_of_ours_has_its_keys_deleted_first(store):
    store._dialect = OtherDialect(store.tables.keys, store.engine.dialect)
    store.record("s", keys(3, 1), 1)
    store.record("s", keys(5, 2), 2)
    assert sorted(store.rows("s")) == [(key, fingerprint, 2) for key, fingerprint in keys(5, 2).items()]
    assert store.fingerprints_of(list(keys(5, 2))) == keys(5, 2)


@ALL
def test_any_number_of_keys_is_found(store):
    recorded = keys(2500, 7)
    store.record("s", recorded, 1)
    for count in (0, 1, 9, 10, 11, 99, 101, 999, 1000, 1001, 2500):
        wanted = dict(list(recorded.items())[:count])
        assert store.fingerprints_of(list(wanted)) == wanted
    assert store.fingerprints_of(["f" * 32]) == {}


@pytest.mark.parametrize("conn_id", ["pg"], indirect=True)
def test_postgresql_looks_keys_up_in_the_index_also_in_a_table_that_it_would_rather_read(store):
    recorded = list(keys(20_000, 7))
    store.record("s", keys(20_000, 7), 1)
    wanted = recorded[::20]
    table = store.tables.keys.name
    select = f"select fingerprint from {table} where key_hash = any(string_to_array('{','.join(wanted)}', ','))"
    with store.engine.connect() as connection:
        connection.exec_driver_sql(f"analyze {table}")
        before = str(connection.exec_driver_sql(f"explain {select}").all())
        assert len(list(store._dialect.fingerprints_of(connection, wanted))) == 1000
        after = str(connection.exec_driver_sql(f"explain {select}").all())
    assert "Seq Scan" in before
    assert "Seq Scan" not in after


def test_few_lookup_statements_are_kept_however_many_keys_they_look_up(store):
    for count in range(1, 1200):
        store.fingerprints_of([f"{n:032x}" for n in range(count)])
    assert len(store._dialect._compiled) <= 3


def test_a_database_is_known_by_its_name():
    assert dialect_class(sa.create_engine("sqlite://")) is SqliteDialect
    assert dialect_class(sa.create_mock_engine("oracle://", None)) is OtherDialect


@ALL
def test_fingerprints_are_struck_out_where_there_are_any(store):
    store.record("s", keys(1500, 7), 5)
    store.strike_out([*list(keys(1200, 7)), "f" * 32])
    recorded = store.fingerprints_of(list(keys(1500, 7)))
    assert [*recorded.values()].count("unknown") == 1200
    assert store.fingerprints_of(["f" * 32]) == {}
    assert store.sent_at(f"{0:032x}") is None
    assert store.size("s") == 1500


@ALL
def test_the_clock_is_the_database_s(store):
    with store.engine.connect() as connection:
        milliseconds = connection.execute(sa.select(store.now())).scalar()
    assert abs(milliseconds / 1000 - time.time()) < 600


def test_a_database_whose_clock_is_not_known_goes_by_the_worker_s(store):
    other = OtherDialect(store.tables.keys, store.engine.dialect)
    assert abs(other.now() / 1000 - time.time()) < 600


@pytest.mark.skipif(sa.__version__ < "2", reason="an engine with options takes no second listener in SQLAlchemy 1.4")
@pytest.mark.parametrize("conn_id", ["pg", "maria"], indirect=True)
def test_a_worker_that_stands_still_in_a_transaction_does_not_lock_others_out(store, key, monkeypatch):
    monkeypatch.setattr(dialects, "MAX_IDLE", 1.0)
    other = Store(store.engine)
    has_locked, may_go_on, errors = threading.Event(), threading.Event(), []

    def update_and_stand_still(connection):
        connection.execute(sa.update(store.tables.syncs).values(last_run="mine"))
        has_locked.set()
        may_go_on.wait(60)

    def stand_still():
        try:
            with store.engine.begin() as connection:
                store._dialect.begin(connection)
                update_and_stand_still(connection)
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=stand_still)
    thread.start()
    assert has_locked.wait(60)
    other.update_sync(key, last_run="another")
    may_go_on.set()
    thread.join()
    assert len(errors) == 1
    assert store.sync_row(key)["last_run"] == "another"
