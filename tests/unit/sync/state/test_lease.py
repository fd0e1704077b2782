"""A sync is held by one DAG run at a time."""

from __future__ import annotations

import threading

import pytest

from airflow_provider_heap.exceptions import SyncRunningError
from airflow_provider_heap.sync.state import lease
from airflow_provider_heap.sync.state.lease import Holder, Lease
from airflow_provider_heap.sync.stop_signal import StopSignal


def hold(store, key, run, instance="sync[0]", stop=None):
    held = Lease(store, key, Holder(run, instance), stop or StopSignal())
    held.acquire()
    return held


def test_mapped_instances_of_one_run_share_it_and_keep_others_out_until_the_last_has_ended(store, key):
    first, second = hold(store, key, "dag/run", "sync[0]"), hold(store, key, "dag/run", "sync[1]")
    for held in (first, second):
        with pytest.raises(SyncRunningError, match="dag/run"):
            hold(store, key, "dag/next")
        held.release()
    hold(store, key, "dag/next").release()


def test_a_retry_takes_over_and_stops_the_try_before(store, key, monkeypatch):
    monkeypatch.setattr(lease, "RENEW_EVERY", 0.01)
    stop, stopped = StopSignal(), threading.Event()
    stop.on_set(stopped.set)
    hold(store, key, "dag/run", stop=stop)
    retry = hold(store, key, "dag/run")
    assert stopped.wait(30)
    with pytest.raises(SyncRunningError, match="a later try"):
        stop.raise_if_set()
    retry.release()


def test_the_release_of_a_try_that_was_taken_over_leaves_the_retry_its_hold(store, key):
    first, retry = hold(store, key, "dag/run"), hold(store, key, "dag/run")
    first.release()
    with pytest.raises(SyncRunningError):
        hold(store, key, "dag/next")
    retry.release()
    hold(store, key, "dag/next").release()


def test_a_dead_holder_s_hold_expires(store, key, monkeypatch):
    dead = hold(store, key, "dag/dead")
    dead._released.set()  # nothing renews it any more
    monkeypatch.setattr(lease, "EXPIRES_AFTER", 0.0)
    hold(store, key, "dag/next").release()
