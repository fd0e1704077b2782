"""A run keeps its hold, and finds out in time that it has lost it."""

from __future__ import annotations

import logging
import threading

import pytest
import sqlalchemy as sa

from airflow_provider_heap.exceptions import StateError, SyncRunningError, SyncStoppedError
from airflow_provider_heap.sync.plan import Holder
from airflow_provider_heap.sync.state import lease
from airflow_provider_heap.sync.state.lease import Lease
from airflow_provider_heap.sync.stop_signal import StopSignal


class Clocks:
    """Clocks that the test sets: monotonic, wall, since boot."""

    def __init__(self):
        self.now = [1000.0, 2000.0, 3000.0]

    def __call__(self):
        return tuple(self.now)


@pytest.fixture
def clocks(monkeypatch):
    """Clocks that stand still."""
    clocks = Clocks()
    monkeypatch.setattr(lease, "_clocks", clocks)
    return clocks


@pytest.fixture
def hold(store, key):
    """Take the sync; what is still held at the end is released."""
    held = []

    def acquire(run, instance="sync[0]", stop=None, **options):
        one = Lease(store, key, Holder(run, instance), stop or StopSignal())
        one.acquire(**options)
        held.append(one)
        return one

    yield acquire
    for one in held:
        one.release()


def make_older(store, seconds):
    table = store.tables.holders
    with store.engine.begin() as connection:
        connection.execute(sa.update(table).values(renewed_at=table.c.renewed_at - seconds * 1000))


def fence(store, held):
    store.transact("read", held.fence)


def test_a_hold_is_shared_while_another_instance_of_the_run_has_it_too(hold):
    first = hold("run")
    assert not first.is_shared()
    second = hold("run", "sync[1]")
    assert first.is_shared()
    second.release()
    assert not first.is_shared()


def test_mapped_instances_of_one_run_share_it_and_keep_others_out_until_the_last_has_ended(hold):
    first, second = hold("dag/run", "sync[0]"), hold("dag/run", "sync[1]")
    for held in (first, second):
        with pytest.raises(SyncRunningError, match="dag/run"):
            hold("dag/next")
        held.release()
    hold("dag/next").release()


def test_a_run_that_holds_the_sync_may_send_and_record(hold, store):
    held = hold("dag/run")
    held.assert_held()
    fence(store, held)


def test_a_retry_takes_over_and_stops_the_try_before(hold, monkeypatch):
    monkeypatch.setattr(lease, "RENEW_EVERY", 0.01)
    stop, stopped = StopSignal(), threading.Event()
    stop.on_set(stopped.set)
    hold("dag/run", stop=stop)
    hold("dag/run")
    assert stopped.wait(30)
    with pytest.raises(SyncRunningError, match="a later try"):
        stop.raise_if_set()


def test_the_release_of_a_try_that_was_taken_over_leaves_the_retry_its_hold(hold):
    first, retry = hold("dag/run"), hold("dag/run")
    first.release()
    with pytest.raises(SyncRunningError):
        hold("dag/next")
    retry.release()
    hold("dag/next").release()


def test_a_dead_holder_s_hold_expires(hold, store):
    dead = hold("dag/dead")
    dead._ended.set()  # nothing renews it any more
    make_older(store, 61)
    hold("dag/next").release()


@pytest.mark.parametrize("clock", range(3))
def test_a_run_that_stood_still_for_over_a_minute_may_send_nothing_by_whichever_clock(hold, clocks, clock):
    stop = StopSignal()
    held = hold("dag/frozen", stop=stop)
    clocks.now[clock] += 59.9
    held._renewed = (1000.0, 2000.0, 3000.0)
    held.assert_held()
    held._renewed = (1000.0, 2000.0, 3000.0)
    clocks.now[clock] += 0.1
    with pytest.raises(SyncRunningError, match="not renewed for 60 s"):
        held.assert_held()
    assert stop.is_set
    with pytest.raises(SyncRunningError):
        held.assert_held()


def test_a_run_that_stood_still_while_another_took_the_sync_and_gave_it_back_may_not_record(hold, store, clocks):
    frozen = hold("dag/frozen")
    make_older(store, 61)
    hold("dag/other").release()
    with pytest.raises(SyncRunningError, match="given to another run meanwhile"):
        fence(store, frozen)
    with pytest.raises(SyncRunningError):
        frozen.assert_held()


def test_an_overdue_renewal_is_made_up_for_before_the_next_request(hold, store, clocks):
    held = hold("dag/run")
    clocks.now[0] += 2 * lease.RENEW_EVERY
    held.assert_held()
    with store.engine.connect() as connection:
        assert connection.execute(sa.select(store.tables.holders.c.renewals)).scalar() == 1
    make_older(store, 61)
    hold("dag/other").release()
    clocks.now[0] += 2 * lease.RENEW_EVERY
    with pytest.raises(SyncRunningError, match="given to another run"):
        held.assert_held()


def test_a_run_whose_hold_is_gone_may_send_nothing_however_lately_it_was_renewed(hold, store, clocks):
    removed, tried_before = hold("dag/run", "sync[0]"), hold("dag/run", "sync[1]")
    hold("dag/run", "sync[1]")
    with pytest.raises(SyncRunningError, match="taken over by a later try"):
        tried_before.assert_held()
    with store.engine.begin() as connection:
        connection.execute(sa.delete(store.tables.holders))
    with pytest.raises(SyncRunningError, match="its hold was removed"):
        removed.assert_held()


def test_a_run_that_cannot_see_whether_it_holds_the_sync_may_send_nothing(hold, store):
    held = hold("dag/run")
    with store.engine.begin() as connection:
        connection.execute(sa.text("drop table heap_sync_state_holders"))
    with pytest.raises(StateError):
        held.assert_held()
    store.create_tables()


def test_a_hold_that_cannot_be_renewed_for_a_minute_stops_the_run(hold, store, monkeypatch):
    monkeypatch.setattr(lease, "RENEW_EVERY", 0.01)
    stop, stopped = StopSignal(), threading.Event()
    stop.on_set(stopped.set)
    monkeypatch.setattr(lease, "EXPIRES_AFTER", 0.1)
    hold("dag/run", stop=stop)
    with store.engine.begin() as connection:
        connection.execute(sa.text("drop table heap_sync_state_holders"))
    assert stopped.wait(30)
    with pytest.raises(SyncRunningError, match=r"not be renewed|not renewed"):
        stop.raise_if_set()
    store.create_tables()


def test_a_run_may_wait_for_another_s_hold(hold, monkeypatch, caplog):
    monkeypatch.setattr(lease, "POLL_EVERY", 0.01)
    first = hold("dag/first")
    timer = threading.Timer(0.05, first.release)
    timer.start()
    with caplog.at_level("INFO"):
        hold("dag/second", timeout=600.0, log=logging.getLogger("state"))
    timer.join()
    assert len(caplog.records) == 1
    assert "held by another run, dag/first: waiting up to 600 s" in caplog.text


def test_a_wait_for_another_s_hold_ends_in_time(hold, monkeypatch):
    monkeypatch.setattr(lease, "POLL_EVERY", 0.01)
    hold("dag/first")
    with pytest.raises(SyncRunningError, match="dag/first"):
        hold("dag/second", timeout=0.05)


def test_a_stop_ends_the_wait_for_another_s_hold(hold):
    hold("dag/first")
    stop = StopSignal()
    timer = threading.Timer(0.05, stop.set, [SyncStoppedError("stopped")])
    timer.start()
    with pytest.raises(SyncStoppedError):
        hold("dag/second", stop=stop, timeout=600.0)
    timer.join()
