"""What is recorded of a sync, wherever it is: in the state's table, or beside the rows when their database compares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from airflow.sdk import Context

from airflow_provider_heap.cli.dags import NotFoundError
from airflow_provider_heap.models.diff.comparison import WarehouseComparison
from airflow_provider_heap.operators.sync import HeapSyncOperator
from airflow_provider_heap.sync.plan import SyncPlan
from airflow_provider_heap.sync.state.dialects import MAX_KEYS
from airflow_provider_heap.sync.state.diff_notes import DiffNotes
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.sync.state.store import Fence, Store

#: Key, fingerprint, and when it was sent, in seconds since 1970.
Record = tuple[str, str, int]


class Records(Protocol):
    """The records of one sync."""

    place: str
    #: Says in an exported file which hashes it has.
    header: dict[str, Any]

    def key_hash(self, name: str, event: str | None) -> str:
        """
        Return the hash of a key.

        :param name: an Account ID, an identity or an insert ID.
        :param event: the event's name, where it is in a column.
        """

    def size(self) -> int:
        """Return how many keys are recorded."""

    def sent_at(self, key_hash: str) -> int | None:
        """
        Return when a key was sent; None when it is not recorded.

        :param key_hash: the key.
        """

    def delete(self, key_hashes: Sequence[str] | None) -> int:
        """
        Delete keys, and return how many there were.

        :param key_hashes: the keys; None for all.
        """

    def rows(self) -> Iterator[Record]:
        """Yield everything that is recorded."""

    def write(self, records: Iterator[Record], fence: Fence) -> int:
        """
        Record keys, and return how many.

        :param records: what to record.
        :param fence: makes sure in a transaction that the sync is held.
        """


def records_of(operator: HeapSyncOperator, context: Context, key: StateKey, store: Store) -> Records:
    """
    Return the records of a task's sync.

    :param operator: the task, rendered.
    :param context: the one that it was rendered with.
    :param key: the sync and its target.
    :param store: the database of the state, with its tables.
    """
    plan = operator.plan(context)
    if plan.compares_in_database:
        return WarehouseRecords(operator, plan, key, store)
    return StoreRecords(operator, key, store)


class StoreRecords:
    """
    Records in the state's table.

    :param operator: the task.
    :param key: the sync and its target.
    :param store: the database of the state.
    """

    def __init__(self, operator: HeapSyncOperator, key: StateKey, store: Store) -> None:
        self.place = f"{operator.state_table} in {operator.state_conn_id}"
        self.header: dict[str, Any] = {}
        self._operator = operator
        self._key = key
        self._store = store

    def key_hash(self, name: str, event: str | None) -> str:
        """Return the hash of a key. Parameters: see :class:`Records`."""
        return self._key.key_hashes([self._operator.sync_key(name, event)])[0]

    def size(self) -> int:
        """Return how many keys are recorded."""
        return self._store.size(self._key.id)

    def sent_at(self, key_hash: str) -> int | None:
        """Return when a key was sent. Parameters: see :class:`Records`."""
        return self._store.sent_at(key_hash)

    def delete(self, key_hashes: Sequence[str] | None) -> int:
        """Delete keys. Parameters: see :class:`Records`."""
        return self._store.delete(self._key.id, key_hashes)

    def rows(self) -> Iterator[Record]:
        """Yield everything that is recorded."""
        return self._store.rows(self._key.id)

    def write(self, records: Iterator[Record], fence: Fence) -> int:
        """Record keys. Parameters: see :class:`Records`."""
        DiffNotes(self._store, self._key).end_comparing()
        by_time: dict[int, dict[str, str]] = defaultdict(dict)
        count = 0
        for key_hash, fingerprint, sent_at in records:
            fingerprints = by_time[sent_at]
            fingerprints[key_hash] = fingerprint
            count += 1
            if len(fingerprints) == MAX_KEYS:
                self._store.record(self._key.id, by_time.pop(sent_at), sent_at, fence)
        for sent_at, fingerprints in by_time.items():
            self._store.record(self._key.id, fingerprints, sent_at, fence)
        return count


class WarehouseRecords:
    """
    Records in the database of the rows.

    :param operator: the task.
    :param plan: of a run of it.
    :param key: the sync and its target.
    :param store: the database of the hold.
    """

    def __init__(self, operator: HeapSyncOperator, plan: SyncPlan, key: StateKey, store: Store) -> None:
        self._comparison: WarehouseComparison = operator.comparison(plan)
        self._notes = DiffNotes(store, key)
        self._notes.create_table()
        self.place = self._comparison.sent_table.replace(":", ", ", 1)
        self.header: dict[str, Any] = {"compared": self._comparison.statements.dialect.label}
        is_true = self._notes.is_true(self._comparison.sent_table)
        self._comparison.prepare(clear=not is_true)
        if not is_true:
            store.delete(key.id)
            self._notes.add(self._comparison.sent_table)

    def key_hash(self, name: str, event: str | None) -> str:
        """Return the hash of a key. Parameters: see :class:`Records`."""
        texts = [name]
        if self._comparison.key_width > 1:
            if event is None:
                raise NotFoundError("The events' names are in a column: say which event the insert ID is of.")
            texts = [event, name]
        return self._comparison.hash_of(texts)

    def size(self) -> int:
        """Return how many keys are recorded."""
        return self._comparison.size()

    def sent_at(self, key_hash: str) -> int | None:
        """Return when a key was sent. Parameters: see :class:`Records`."""
        return self._comparison.sent_at(key_hash)

    def delete(self, key_hashes: Sequence[str] | None) -> int:
        """Delete keys. Parameters: see :class:`Records`."""
        before = self.size()
        if key_hashes is None:
            self._comparison.prepare(clear=True)
        else:
            self._comparison.forget(key_hashes)
        return before - self.size()

    def rows(self) -> Iterator[Record]:
        """Yield everything that is recorded."""
        return self._comparison.records()

    def write(self, records: Iterator[Record], fence: Fence) -> int:
        """Record keys. Parameters: see :class:`Records`."""
        return self._comparison.write_records(records)
