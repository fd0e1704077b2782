"""New and changed items are selected, and those whose fingerprint must be struck out are marked."""

from __future__ import annotations

import pytest

from airflow_provider_heap.api.objects import EVENT
from airflow_provider_heap.sync.state.changes import ChangeSelector
from airflow_provider_heap.sync.state.state_key import StateKey, fingerprints


@pytest.fixture
def record(store, key):
    """Record items."""

    def write(items):
        store.record(key.id, dict(zip(key.key_hashes(items.keys), fingerprints(items.bodies), strict=True)), 1)

    return write


def marks(selected):
    """Return keys, and which of them are marked."""
    return list(zip(selected.keys, selected.recorded, strict=True))


def test_new_and_changed_items_are_selected_and_changed_ones_marked(store, key, items, record):
    record(items({"a": 1, "b": 1, "c": 1}))
    changes = ChangeSelector(store, key)
    assert marks(changes.select(items({"a": 1, "b": 2, "x": 1}))) == [("b", True), ("x", False)]
    assert changes.new == 1


def test_an_unchanged_item_costs_no_more_than_its_lookup(store, key, items, record):
    record(items({"a": 1}))
    assert len(ChangeSelector(store, key).select(items({"a": 1}))) == 0


def test_a_key_that_is_struck_out_is_changed_whatever_its_item_and_not_struck_out_again(store, key, items, record):
    record(items({"a": 1, "b": 1}))
    store.strike_out(key.key_hashes(["a", "b"]))
    changes = ChangeSelector(store, key)
    assert marks(changes.select(items({"a": 1, "b": 2}))) == [("a", False), ("b", False)]
    assert changes.new == 0


def test_a_key_that_comes_again_is_sent_and_marked_whether_it_was_recorded_or_not(store, key, items, record):
    record(items({"a": 1}))
    changes = ChangeSelector(store, key)
    assert marks(changes.select(items([("a", 2), ("x", 1), ("x", 2)]))) == [("a", True), ("x", False), ("x", True)]
    assert marks(changes.select(items([("a", 1), ("x", 1)]))) == [("a", True), ("x", True)]
    assert changes.duplicate_keys() == 2


def test_a_full_sync_selects_everything_and_marks_what_differs(store, key, items, record):
    record(items({"a": 1, "b": 1}))
    changes = ChangeSelector(store, key, full_sync=True)
    assert marks(changes.select(items({"a": 1, "b": 2, "x": 1}))) == [("a", False), ("b", True), ("x", False)]
    assert marks(changes.select(items({"a": 1}))) == [("a", True)]
    assert changes.new is None


def test_a_recorded_event_is_never_selected_again(store, key, items):
    key = StateKey(key.sync, key.environment, EVENT)
    store.record(key.id, dict.fromkeys(key.key_hashes(["a"]), "f" * 16), 1)
    assert ChangeSelector(store, key).select(items({"a": 2, "b": 1})).keys == ["b"]
    assert ChangeSelector(store, key, full_sync=True).select(items({"a": 2, "b": 1})).keys == ["a", "b"]


def test_everything_is_new_where_nothing_is_recorded(key, items):
    changes = ChangeSelector(None, key)
    assert changes.new == 0
    assert changes.select(items({"a": 1, "b": 1})).keys == ["a", "b"]
    assert changes.new == 2
