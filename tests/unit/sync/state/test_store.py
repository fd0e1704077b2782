"""The state's tables are read and written."""

from __future__ import annotations

import pytest

from airflow_provider_heap.exceptions import SyncRunningError
from airflow_provider_heap.sync.state.state_key import StateKey
from tests.conftest import STATE_SERVERS

ALL = pytest.mark.parametrize("conn_id", ["sqlite", *STATE_SERVERS], indirect=True)


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
