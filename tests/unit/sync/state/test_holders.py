"""Each holder of a sync has a row of its own, with a turn that nobody had before."""

from __future__ import annotations

import json
import threading

import pytest
import sqlalchemy as sa

from airflow_provider_heap.exceptions import SyncRunningError
from airflow_provider_heap.hooks.sql import state_store
from airflow_provider_heap.sync.plan import Holder
from airflow_provider_heap.sync.state.holders import NOTE_EXPIRES, HolderRows
from tests.conftest import STATE_SERVERS
from tests.unit.sync.state.older_release import OlderLease

ALL = pytest.mark.parametrize("conn_id", ["sqlite", *STATE_SERVERS], indirect=True)


class Holding:
    """A holder whose calls have a transaction each, and whose clocks the test sets."""

    def __init__(self, store, key, run, instance="sync[0]"):
        self._store = store
        self._rows = HolderRows(store, key, Holder(run, instance))

    def acquire(self, expires_after=60):
        return self._store.transact("held", lambda connection: self._rows.acquire(connection, expires_after))

    def renew(self):
        return self._store.transact("held", self._rows.renew)

    def renew_note(self):
        self._store.transact("held", lambda connection: self._rows.renew_note(connection, 60))

    def release(self):
        self._store.transact("held", lambda connection: self._rows.release(connection, 60))

    def taken_by(self):
        return self._store.transact("held", self._rows.taken_by)


@pytest.fixture
def holding(store, key):
    """Make holders of the sync."""
    return lambda run, instance="sync[0]": Holding(store, key, run, instance)


@pytest.fixture
def rows(store):
    """Read a table: ``rows("holders")``."""

    def read(name):
        table = getattr(store.tables, name)
        with store.engine.connect() as connection:
            return [row._asdict() for row in connection.execute(sa.select(table).order_by(*table.primary_key))]

    return read


def age(store, seconds):
    """Make all holds older."""
    table = store.tables.holders
    with store.engine.begin() as connection:
        connection.execute(sa.update(table).values(renewed_at=table.c.renewed_at - int(seconds * 1000)))


@ALL
def test_a_run_holds_the_sync_until_it_releases_it(holding):
    first, second = holding("dag/first"), holding("dag/second")
    assert first.acquire() == set()
    assert second.acquire() == {"dag/first"}
    assert first.renew()
    assert not second.renew()
    first.release()
    assert not first.renew()
    assert second.acquire() == set()


@ALL
def test_a_hold_that_was_not_renewed_for_a_minute_is_free(holding, store):
    first, second = holding("dag/first"), holding("dag/second")
    first.acquire()
    age(store, 59)
    assert second.acquire() == {"dag/first"}
    assert first.renew()
    age(store, 59)
    assert second.acquire() == {"dag/first"}
    age(store, 2)
    assert second.acquire() == set()
    assert not first.renew()
    assert "taken over by run dag/second" in first.taken_by()


@ALL
def test_a_run_whose_hold_was_taken_and_given_back_meanwhile_does_not_hold_it(holding, store):
    frozen, other = holding("dag/frozen"), holding("dag/other")
    frozen.acquire()
    age(store, 61)
    other.acquire()
    other.release()
    assert not frozen.renew()
    assert "given to another run meanwhile" in frozen.taken_by()


@ALL
def test_a_retry_takes_over_from_its_own_instance_and_from_no_other(holding):
    first, sibling, retry = holding("dag/run"), holding("dag/run", "sync[1]"), holding("dag/run")
    assert first.acquire() == sibling.acquire() == retry.acquire() == set()
    assert [one.renew() for one in (first, sibling, retry)] == [False, True, True]
    assert "taken over by a later try" in first.taken_by()
    first.release()
    assert retry.renew()


@ALL
def test_names_that_differ_in_case_or_accents_are_other_runs_and_other_instances(holding, rows):
    assert holding("dag/run", "sync[0]").acquire() == set()
    assert holding("dag/run", "Sync[0]").acquire() == holding("dag/run", "sÿnc[0]").acquire() == set()
    assert len(rows("holders")) == 3
    assert holding("dag/Run").acquire() == {"dag/run"}


@ALL
def test_a_turn_grows_with_each_hold(holding, rows):
    turns = []
    for _ in range(3):
        one = holding("dag/run")
        one.acquire()
        turns.append(rows("holders")[0]["turn"])
        one.release()
    assert turns == sorted(set(turns))


@ALL
def test_a_renewal_touches_its_own_row_alone(holding, rows):
    first, second = holding("dag/run", "sync[0]"), holding("dag/run", "sync[1]")
    first.acquire()
    second.acquire()
    syncs, before = rows("syncs"), {row["instance"]: row for row in rows("holders")}
    assert second.renew()
    after = {row["instance"]: row for row in rows("holders")}
    assert rows("syncs") == syncs
    assert after["sync[0]"] == before["sync[0]"]
    assert after["sync[1]"]["renewals"] == before["sync[1]"]["renewals"] + 1


@ALL
def test_two_thousand_instances_hold_a_sync_together(holding, store, rows):
    run, task = "dag" * 80 + "/" + "run" * 80, "task" * 60
    holding(run, f"{task}[0]").acquire()
    [row] = rows("holders")
    others = [{**row, "holder_id": f"{number:032x}", "instance": f"{task}[{number}]"} for number in range(1, 1980)]
    with store.engine.begin() as connection:
        connection.execute(sa.insert(store.tables.holders), others)
    last = [holding(run, f"{task}[{number}]") for number in range(1980, 2000)]
    assert all(one.acquire() == set() for one in last)
    assert len(rows("holders")) == 2000
    assert holding("dag/other").acquire() == {run}
    assert all(one.renew() for one in last)
    for one in last:
        one.release()
    assert len(rows("holders")) == 1980


@ALL
def test_many_that_come_and_go_at_once_do_not_lock_each_other_up(conn_id, store, key, rows):
    errors = []

    def work(shard):
        own = state_store(conn_id, "heap_sync_state")
        try:
            for number in range(5):
                one = Holding(own, key, "dag/run", f"sync[{shard}-{number}]")
                assert one.acquire() == set()
                assert one.renew()
                own.update_sync(key, lambda connection, one=one: one._rows.renew(connection), last_run="x")
                one.release()
        except BaseException as error:
            errors.append(error)
        finally:
            own.engine.dispose()

    threads = [threading.Thread(target=work, args=(shard,)) for shard in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert rows("holders") == []


# Workers with an older release


@ALL
def test_an_older_release_is_kept_out_while_this_one_is_at_work(holding, store, key):
    new, old = holding("dag/new"), OlderLease(store, key, "dag/old")
    new.acquire()
    with pytest.raises(SyncRunningError):
        old.take()
    new.release()
    old.take()


@ALL
def test_an_older_release_at_work_keeps_this_one_out_until_it_ends_or_dies(holding, store, key):
    old = OlderLease(store, key, "dag/old")
    old.take()
    assert holding("dag/new").acquire() == {"dag/old"}
    old.give_back()
    assert holding("dag/new").acquire() == set()


def test_a_dead_holder_of_an_older_release_does_not_keep_this_one_out(holding, store, key):
    OlderLease(store, key, "dag/old").take(at=0)
    new = holding("dag/new")
    assert new.acquire() == set()
    new.release()
    assert json.loads(store.sync_row(key)["holders"]) == {}


def test_instances_of_one_run_share_the_sync_whatever_their_release(holding, store, key):
    old, new = OlderLease(store, key, "dag/run", "sync[1]"), holding("dag/run", "sync[0]")
    old.take()
    assert new.acquire() == set()
    assert old.renew()
    new.release()
    assert old.renew()
    assert holding("dag/next").acquire() == {"dag/run"}
    old.give_back()
    assert holding("dag/next").acquire() == set()


def test_a_try_of_an_older_release_notices_the_retry_of_this_one(holding, store, key):
    old, new = OlderLease(store, key, "dag/run"), holding("dag/run")
    old.take()
    new.acquire()
    assert not old.renew()
    new.release()
    assert json.loads(store.sync_row(key)["holders"]) == {}


def test_a_frozen_worker_of_an_older_release_notices_that_this_one_took_the_sync(holding, store, key):
    old, new = OlderLease(store, key, "dag/old"), holding("dag/new", "other task")
    old.take(at=0)
    new.acquire()
    assert not old.renew()


def test_what_keeps_older_releases_out_after_a_crash_expires_within_the_hour(holding, store, key, monkeypatch):
    holding("dag/crashed").acquire()
    note = json.loads(store.sync_row(key)["holders"])["*"]
    OlderLease(store, key, "dag/old")
    with store.engine.begin() as connection:
        text = json.dumps({"*": {**note, "at": note["at"] - NOTE_EXPIRES - 61}})
        connection.execute(sa.update(store.tables.syncs).values(holders=text))
    OlderLease(store, key, "dag/old").take()


def test_the_note_for_older_releases_is_renewed_by_one_of_all_instances(holding, store, key):
    first, second = holding("dag/run", "sync[0]"), holding("dag/run", "sync[1]")
    first.acquire()
    second.acquire()
    young = store.sync_row(key)["holders"]
    second.renew_note()
    assert store.sync_row(key)["holders"] == young
    with store.engine.begin() as connection:
        note = json.loads(young)["*"]
        text = json.dumps({"*": {**note, "at": note["at"] - NOTE_EXPIRES / 2}})
        connection.execute(sa.update(store.tables.syncs).values(holders=text))
    second.renew_note()
    assert json.loads(store.sync_row(key)["holders"])["*"]["at"] >= note["at"]


@ALL
def test_tables_of_an_older_release_are_completed_in_place(conn_id, store, key, holding):
    store.record(key.id, {"a" * 32: "f" * 16}, 1)
    with store.engine.begin() as connection:
        connection.execute(sa.text("drop table heap_sync_state_holders"))
    older = state_store(conn_id, "heap_sync_state")
    assert older.has_tables()
    older.create_tables()
    assert holding("dag/run").acquire() == set()
    assert list(store.rows(key.id)) == [("a" * 32, "f" * 16, 1)]
    older.engine.dispose()
