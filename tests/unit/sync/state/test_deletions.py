"""Deletion requests are recorded with their status, and users by the hash of theirs."""

from __future__ import annotations

import pytest

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import USER_DELETION
from airflow_provider_heap.exceptions import StateError, SyncRunningError
from airflow_provider_heap.sync.items import ItemBatch, JsonLines
from airflow_provider_heap.sync.state.changes import ChangeSelector
from airflow_provider_heap.sync.state.deletions import DeletionRecords, RecordedDeletion
from airflow_provider_heap.sync.state.recorder import Recorder
from airflow_provider_heap.sync.state.state_key import StateKey
from tests.conftest import STATE_SERVERS


@pytest.fixture
def key():
    """The state of a sync that deletes users."""
    return StateKey("people.erase", Environment("2388822444", "https://heap.example"), USER_DELETION)


@pytest.fixture
def records(store, key):
    """The requests of the sync."""
    records = DeletionRecords(store, key)
    records.create_table()
    return records


databases = pytest.mark.parametrize("conn_id", ["sqlite", *STATE_SERVERS], indirect=True)


@databases
def test_a_request_is_pending_until_it_was_seen_to_be_complete(records):
    records.create_table()
    records.add("r1", 10_000, 5)
    records.add("r2", 3, 6)
    assert records.pending() == ["r1", "r2"]
    records.complete({"r1": 9})
    records.complete({"r1": 11, "unknown": 11})
    assert records.pending() == ["r2"]
    records.set_unknown(["r1"])
    assert list(records.all().values()) == [
        RecordedDeletion("r1", 10_000, 5, "complete", 9),
        RecordedDeletion("r2", 3, 6, "pending", None),
    ]
    records.set_unknown(["r2"])
    assert records.pending() == []
    assert [deletion.status for deletion in records.all().values()] == ["complete", "unknown"]


def test_requests_of_another_sync_or_target_are_not_seen(store, records, key):
    records.add("r1", 1, 5)
    for other in (
        StateKey("other", key.environment, USER_DELETION),
        StateKey(key.sync, Environment("1", "https://heap.example"), USER_DELETION),
    ):
        assert DeletionRecords(store, other).all() == {}
        assert DeletionRecords(store, other).hash_of("r1") != records.hash_of("r1")


def test_a_transaction_that_is_repeated_leaves_one_row(records):
    records.add("r1", 1, 5)
    records.add("r1", 1, 5)
    assert len(records.all()) == 1


def test_a_run_that_lost_its_hold_records_nothing(records):
    def fence(connection):
        raise SyncRunningError("taken")

    with pytest.raises(SyncRunningError):
        records.add("r1", 1, 5, fence)
    assert records.all() == {}


def test_without_its_table_the_error_names_the_connection(store, key):
    with pytest.raises(StateError, match="connection 'sqlite'"):
        DeletionRecords(store, key).all()


@databases
def test_users_are_recorded_with_their_request_and_are_not_asked_for_again(store, key, records):
    people = ["ada", "bob", "user_id\x1f7"]
    items = ItemBatch([1, 2, 3], people, people, JsonLines.of([b"{}"] * 3))
    Recorder(store, key, None, records).record(items, "r1")
    prints = store.fingerprints_of(key.key_hashes(people))
    assert set(prints.values()) == {records.hash_of("r1")}
    assert list(records.all()) == [records.hash_of("r1")]
    people = ["ada", "eve", "7", "eve"]
    items = ItemBatch([1, 2, 3, 4], people, people, JsonLines.of([b"{}"] * 4))
    assert ChangeSelector(store, key).select(items).keys == ["eve", "7"]
    everybody = ChangeSelector(store, key, full_sync=True)
    assert everybody.select(items).keys == ["ada", "eve", "7"]
