"""Only new and changed items are selected, and what Heap took is recorded."""

from __future__ import annotations

import logging

import pytest

from airflow_provider_heap.api.objects import EVENT
from airflow_provider_heap.hooks.sql import state_store
from airflow_provider_heap.sync.plan import StateSettings
from airflow_provider_heap.sync.state.lease import Holder
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


def test_an_unchanged_item_behind_a_changed_one_of_its_key_is_selected(open_state, items):
    state = open_state()
    state.record(items({"a": 1}))
    assert state.select_changed(items([("a", 2), ("a", 1)])).keys == ["a", "a"]
    assert state.duplicate_keys() == 1


def test_a_recorded_event_is_never_selected_again(open_state, items, key):
    state = open_state(state_key=StateKey(key.sync, key.environment, EVENT))
    state.record(items({"a": 1}))
    assert state.select_changed(items({"a": 2, "b": 1})).keys == ["b"]


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
