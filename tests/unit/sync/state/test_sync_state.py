"""Only new and changed items are selected, and what Heap took is recorded."""

from __future__ import annotations

import logging
import threading

import pytest

from airflow_provider_heap.api.objects import EVENT
from airflow_provider_heap.exceptions import SyncRunningError, SyncStoppedError
from airflow_provider_heap.hooks.sql import state_store
from airflow_provider_heap.sync.plan import Holder, StateSettings
from airflow_provider_heap.sync.state import lease
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.sync.state.sync_state import SyncState
from airflow_provider_heap.sync.stop_signal import StopSignal

LOG = logging.getLogger("state")


@pytest.fixture
def open_state(store, conn_id, key):
    """Open a run's state; all are closed at the end."""
    opened = []

    def open_one(run="dag/run", state_key=key, read_only=False, **settings):
        settings = StateSettings(conn_id, "heap_sync_state", **settings)
        state = SyncState(store, state_key, Holder(run, "sync[-1]"), settings, read_only=read_only)
        state.open(StopSignal(), LOG)
        opened.append(state)
        return state

    yield open_one
    for state in opened:
        state.close(False)


def test_a_new_item_is_selected_and_a_recorded_one_is_not(open_state, items):
    state = open_state()
    state.record(items({"a": 1, "b": 1, "c": 1}))
    selected = state.select_changed(items({"a": 1, "b": 2, "x": 1}))
    assert (selected.keys, selected.recorded, state.new) == (["b", "x"], [True, False], 1)


def test_all_items_are_selected_in_a_full_sync(open_state, items):
    state = open_state(full_sync=True)
    state.record(items({"a": 1}))
    assert state.select_changed(items({"a": 1, "b": 1})).keys == ["a", "b"]


def test_of_two_items_with_one_key_the_last_is_recorded(open_state, items):
    state = open_state()
    state.record(items([("a", 1), ("a", 2)]))
    assert len(state.select_changed(items({"a": 2}))) == 0


def test_a_changed_item_that_was_about_to_be_sent_is_changed_whatever_it_is_next(open_state, items):
    state = open_state()
    state.record(items({"a": 1}))
    state.strike_out(state.select_changed(items({"a": 2})))
    state.close(False)
    assert open_state().select_changed(items({"a": 1})).keys == ["a"]


def test_a_run_whose_sync_was_taken_sends_and_records_nothing_more(open_state, items, store, monkeypatch):
    frozen = open_state("dag/frozen")
    frozen.record(items({"a": 1}))
    changed = frozen.select_changed(items({"a": 2}))
    monkeypatch.setattr(lease, "EXPIRES_AFTER", 0.0)
    other = open_state("dag/other")
    monkeypatch.setattr(lease, "EXPIRES_AFTER", 60.0)
    other.record(items({"a": 3}))
    other.close(True)
    for step in (frozen.strike_out, frozen.record):
        with pytest.raises(SyncRunningError):
            step(changed)
    frozen.close(True)
    assert store.sync_rows("people.users")[0]["last_run"] == "dag/other"


def test_a_run_may_wait_for_another(open_state, monkeypatch):
    monkeypatch.setattr(lease, "POLL_EVERY", 0.01)
    first = open_state("dag/first")
    timer = threading.Timer(0.05, first.close, [True])
    timer.start()
    open_state("dag/second", hold_timeout=600.0)
    timer.join()


# Its end


@pytest.fixture
def stuck(store, monkeypatch):
    """Let the database not answer to writes, as if somebody had locked a table."""
    answers = threading.Event()
    transact = store.transact

    def wait(*args):
        answers.wait(60)
        return transact(*args)

    monkeypatch.setattr(store, "transact", wait)
    yield answers
    answers.set()


def make_state(store, conn_id, key, run="dag/run"):
    return SyncState(store, key, Holder(run, "sync[-1]"), StateSettings(conn_id, "heap_sync_state"))


def test_a_stopped_run_does_not_wait_for_a_database_that_does_not_answer(store, conn_id, key, request, caplog):
    stop, state = StopSignal(), make_state(store, conn_id, key)
    state.open(stop, LOG)
    answers = request.getfixturevalue("stuck")
    stop.set(SyncStoppedError("stopped"))
    state.close(False)
    assert not answers.is_set()
    assert "does not answer" in caplog.text


def test_a_run_that_is_stopped_while_it_closes_does_not_wait_either(store, conn_id, key, request):
    stop, state = StopSignal(), make_state(store, conn_id, key)
    state.open(stop, LOG)
    answers = request.getfixturevalue("stuck")
    timer = threading.Timer(0.05, stop.set, [SyncStoppedError("stopped")])
    timer.start()
    state.close(True)
    assert not answers.is_set()
    timer.join()


def test_a_hold_that_comes_after_the_end_is_given_back(store, conn_id, key, request):
    state = make_state(store, conn_id, key)
    answers = request.getfixturevalue("stuck")
    stop = StopSignal()
    opening = threading.Thread(target=state.open, args=(stop, LOG), daemon=True)
    opening.start()
    state.close(False)
    answers.set()
    opening.join(60)
    other = make_state(store, conn_id, key, "dag/other")
    other.open(StopSignal(), LOG)
    other.close(True)


def test_a_stop_before_the_hold_is_obeyed(store, conn_id, key):
    stop, state = StopSignal(), make_state(store, conn_id, key)
    stop.set(SyncStoppedError("stopped"))
    with pytest.raises(SyncStoppedError):
        state.open(stop, LOG)
    state.close(False)


def test_an_error_at_the_end_is_logged(store, conn_id, key, caplog):
    state = make_state(store, conn_id, key)
    state.open(StopSignal(), LOG)
    state._recorder.end(last_run="dag/run")
    store.tables.metadata.drop_all(store.engine)
    state.close(True)
    assert "could not be" in caplog.text


# What a person should know beforehand


def test_a_mapping_is_compared_with_that_of_the_last_run_that_ended(open_state, items, caplog):
    state = open_state()
    state.check_mapping("1:aa")
    assert not state.compares
    state.close(True)
    state = open_state()
    state.check_mapping("1:aa")
    assert state.compares
    assert caplog.records == []
    state.close(False)
    for signature, message in (("1:bb", "mapping has changed"), ("2:aa", "release encodes values differently")):
        state = open_state()
        state.check_mapping(signature)
        assert message in caplog.text
        state.close(False)


def test_another_target_of_the_same_sync_is_named_beforehand(open_state, key, caplog):
    open_state()
    open_state(state_key=StateKey(key.sync, key.environment, EVENT))
    assert "empty for this target" in caplog.text
    assert "App ID 2388822444, users" in caplog.text


def test_a_dry_run_creates_no_table_holds_nothing_and_counts_what_is_new(conn_id, key, items):
    store = state_store(conn_id, "nothing_yet")
    state = SyncState(store, key, Holder("dag/run"), StateSettings(conn_id, "nothing_yet"), read_only=True)
    state.open(StopSignal(), LOG)
    assert (state.select_changed(items({"a": 1})).keys, state.new) == (["a"], 1)
    state.close(True)
    assert not store.has_tables()


def test_a_dry_run_may_look_while_another_run_is_at_work(open_state, items):
    open_state("dag/other").record(items({"a": 1}))
    state = open_state(read_only=True)
    assert state.select_changed(items({"a": 1, "b": 1})).keys == ["b"]


def test_old_events_are_deleted_when_a_run_opens(open_state, store, key):
    event_key = StateKey(key.sync, key.environment, EVENT)
    store.record(event_key.id, {"a": "1"}, 1)
    open_state(state_key=event_key, retention=3600.0)
    assert store.size(event_key.id) == 0
