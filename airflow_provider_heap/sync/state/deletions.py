"""
The deletion requests of a sync: what Heap was asked for, when, and how far it is.

The key of each user is recorded as in any sync. In place of an item's fingerprint it has the hash of the request that
named the user, so that a user's deletion can be proven while nothing of the user is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from airflow_provider_heap.api.objects import COMPLETE, PENDING, UNKNOWN
from airflow_provider_heap.sync.state.state_key import StateKey, fingerprints
from airflow_provider_heap.sync.state.store import Fence, Store


@dataclass(frozen=True)
class RecordedDeletion:
    """
    A deletion that was asked for.

    :param request_id: Heap's ID of the request.
    :param users: how many users it names.
    :param requested_at: when Heap took it, in seconds since 1970.
    :param status: ``pending``, ``complete``, or ``unknown`` when Heap does not know the request.
    :param completed_at: when Heap was first seen to say so, in seconds since 1970; None before that.
    """

    request_id: str
    users: int
    requested_at: int
    status: str
    completed_at: int | None


class DeletionRecords:
    """
    Read and write the deletion requests of a sync. Safe to use from several threads, as the store is.

    :param store: the database.
    :param key: the sync and its target.
    """

    def __init__(self, store: Store, key: StateKey) -> None:
        self._store = store
        self._key = key
        self._table = store.tables.deletions

    def create_table(self) -> None:
        """
        Create the table if it is missing.

        :raises StateError: when the database fails.
        """
        self._store.create_tables(self._store.tables.deletions_metadata)

    def hash_of(self, request_id: str) -> str:
        """
        Return what the keys of a request's users have in place of a fingerprint.

        :param request_id: Heap's ID of the request.
        """
        [request_hash] = fingerprints([f"{self._key.id}\x1f{request_id}".encode()])
        return request_hash

    def add(self, request_id: str, users: int, requested_at: int, fence: Fence | None = None) -> None:
        """
        Record a request that Heap took, as pending.

        :param request_id: Heap's ID of the request.
        :param users: how many users it names.
        :param requested_at: when, in seconds since 1970.
        :param fence: called in the transaction before; nothing is written when it raises.
        :raises StateError: when the database fails.
        """
        row = {
            "sync_id": self._key.id,
            "request_hash": self.hash_of(request_id),
            "request_id": request_id,
            "users": users,
            "requested_at": requested_at,
            "status": PENDING,
        }

        def write(connection: sa.engine.Connection) -> None:
            if fence is not None:
                fence(connection)
            # A transaction that is repeated may have been committed.
            connection.execute(sa.delete(self._table).where(self._is(row["request_hash"])))
            connection.execute(sa.insert(self._table), row)

        self._store.transact("written", write)

    def complete(self, completed_at: Mapping[str, int]) -> None:
        """
        Record that requests are complete.

        :param completed_at: when, in seconds since 1970, by the ID of the request.
        :raises StateError: when the database fails.
        """

        self._update({each: {"status": COMPLETE, "completed_at": seconds} for each, seconds in completed_at.items()})

    def set_unknown(self, request_ids: Iterable[str]) -> None:
        """
        Record that Heap does not know requests, so that no run waits for them.

        :param request_ids: Heap's IDs of the requests.
        :raises StateError: when the database fails.
        """
        self._update({request_id: {"status": UNKNOWN} for request_id in request_ids})

    def all(self) -> dict[str, RecordedDeletion]:
        """
        Return all requests by their hash, in the order in which they were made.

        :raises StateError: when the database fails.
        """
        columns = self._table.c
        query = sa.select(self._table).where(columns.sync_id == self._key.id)
        query = query.order_by(columns.requested_at, columns.request_id)
        rows = self._store.read(lambda connection: connection.execute(query).all())
        return {
            row.request_hash: RecordedDeletion(
                row.request_id, row.users, row.requested_at, row.status, row.completed_at
            )
            for row in rows
        }

    def pending(self) -> list[str]:
        """
        Return the IDs of the requests that are still waited for, in the order in which they were made.

        :raises StateError: when the database fails.
        """
        return [deletion.request_id for deletion in self.all().values() if deletion.status == PENDING]

    def _update(self, values: Mapping[str, Mapping[str, Any]]) -> None:
        """Change the rows of pending requests, by the ID of the request."""

        def write(connection: sa.engine.Connection) -> None:
            for request_id, changed in values.items():
                where = self._is(self.hash_of(request_id)) & (self._table.c.status == PENDING)
                connection.execute(sa.update(self._table).where(where).values(**changed))

        if values:
            self._store.transact("written", write)

    def _is(self, request_hash: object) -> sa.ColumnElement[bool]:
        return (self._table.c.sync_id == self._key.id) & (self._table.c.request_hash == request_hash)
