"""Read and write the tables of the state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from airflow_provider_heap.sync.state.database import StateDatabase
from airflow_provider_heap.sync.state.dialects import MAX_KEYS, STRUCK_OUT
from airflow_provider_heap.sync.state.state_key import StateKey

#: Raises when a transaction must not be committed.
Fence = Callable[[sa.engine.Connection], None]


class Store(StateDatabase):
    """Read and write the rows of the state's tables. Safe to use from several threads."""

    def register_sync(self, key: StateKey) -> None:
        """
        Create the row of a sync and target, unless it is there.

        :param key: the sync and its target.
        :raises StateError: when the database fails.
        """
        if self.sync_row(key) is not None:
            return
        row = {
            "sync_id": key.id,
            "sync_name": key.sync,
            "base_url": key.environment.base_url,
            "app_id": key.environment.app_id,
            "object": key.heap_object.name,
            "holders": "{}",
            "turn": 0,
        }
        # Another instance of the same sync may be faster.
        with self._translate_errors("written"), suppress(IntegrityError), self._write_lock:  # noqa: SIM117
            with self.engine.begin() as connection:
                connection.execute(sa.insert(self.tables.syncs), row)

    def sync_row(self, key: StateKey) -> dict[str, Any] | None:
        """
        Return the row of a sync and target by column; None when there is none.

        :param key: the sync and its target.
        :raises StateError: when the database fails.
        """
        return next((row for row in self.sync_rows(key.sync) if row["sync_id"] == key.id), None)

    def sync_rows(self, sync: str) -> list[dict[str, Any]]:
        """
        Return the rows of a sync by column, one for each target that it ever had.

        :param sync: name of the sync.
        :raises StateError: when the database fails.
        """
        table = self.tables.syncs
        with self._translate_errors("read"), self.engine.connect() as connection:
            rows = connection.execute(sa.select(table).where(table.c.sync_name == sync))
            # The database may ignore case when it compares names.
            return [dict(row._mapping) for row in rows if row.sync_name == sync]

    def update_sync(self, key: StateKey, fence: Fence | None = None, **values: Any) -> None:
        """
        Write into the row of a sync and target.

        :param key: the sync and its target.
        :param fence: called in the transaction; nothing is written when it raises.
        :param values: by column.
        :raises StateError: when the database fails.
        """
        table = self.tables.syncs

        def update(connection: sa.engine.Connection) -> None:
            # First the sync's row, then the holder's: in the order in which a sync is taken.
            connection.execute(sa.update(table).where(table.c.sync_id == key.id).values(**values))
            if fence is not None:
                fence(connection)

        self.transact("written", update)

    def fingerprints_of(self, key_hashes: Sequence[str]) -> dict[str, str]:
        """
        Return the fingerprints of those keys that are recorded.

        :param key_hashes: the keys.
        :raises StateError: when the database fails.
        """

        def look_up(connection: sa.engine.Connection) -> dict[str, str]:
            fingerprints: dict[str, str] = {}
            for start in range(0, len(key_hashes), MAX_KEYS):
                rows = self._dialect.fingerprints_of(connection, key_hashes[start : start + MAX_KEYS])
                fingerprints.update(map(tuple, rows))  # finding the columns of each row by their names takes longer
            return fingerprints

        return self.read(look_up)

    def record(self, sync_id: str, fingerprints: Mapping[str, str], sent_at: int, fence: Fence | None = None) -> None:
        """
        Record keys, in one transaction.

        :param sync_id: ID of their state.
        :param fingerprints: by key.
        :param sent_at: when Heap took them, in seconds since 1970.
        :param fence: called in the transaction before; nothing is written when it raises.
        :raises StateError: when the database fails.
        """
        # In one order, so that shards that write the same keys wait for each other instead of locking each other up.
        ordered = dict(sorted(fingerprints.items()))

        def write(connection: sa.engine.Connection) -> None:
            if fence is not None:
                fence(connection)
            self._dialect.upsert(connection, sync_id, ordered, sent_at)

        self.transact("written", write)

    def strike_out(self, key_hashes: Sequence[str], fence: Fence | None = None) -> None:
        """
        Strike out the fingerprints of keys, in one transaction: whatever their item is next, it has changed.

        :param key_hashes: the keys; those that are not recorded are passed over.
        :param fence: called in the transaction before; nothing is written when it raises.
        :raises StateError: when the database fails.
        """
        ordered = sorted(key_hashes)

        def write(connection: sa.engine.Connection) -> None:
            if fence is not None:
                fence(connection)
            for start in range(0, len(ordered), MAX_KEYS):
                self._dialect.strike_out(connection, ordered[start : start + MAX_KEYS])

        self.transact("written", write)

    def delete(self, sync_id: str, key_hashes: Sequence[str] | None = None, before: int | None = None) -> int:
        """
        Delete keys.

        :param sync_id: ID of their state.
        :param key_hashes: the keys; None for all.
        :param before: only those that were sent before that time, in seconds since 1970.
        :return: how many there were.
        :raises StateError: when the database fails.
        """
        keys = self.tables.keys.c
        statement = sa.delete(self.tables.keys).where(keys.sync_id == sync_id)
        if key_hashes is not None:
            statement = statement.where(keys.key_hash.in_(key_hashes))
        if before is not None:
            statement = statement.where(keys.sent_at < before)
        return self.transact("changed", lambda connection: connection.execute(statement).rowcount)

    def sent_at(self, key_hash: str) -> int | None:
        """
        Return when a key was sent, in seconds since 1970; None when it is not recorded or was struck out.

        :param key_hash: the key.
        :raises StateError: when the database fails.
        """
        keys = self.tables.keys.c
        with self._translate_errors("read"), self.engine.connect() as connection:
            query = sa.select(keys.sent_at).where(keys.key_hash == key_hash, keys.fingerprint != STRUCK_OUT)
            seconds: int | None = connection.execute(query).scalar()
            return seconds

    def rows(self, sync_id: str) -> Iterator[tuple[str, str, int]]:
        """
        Yield everything that is recorded: key, fingerprint and when it was sent, in seconds since 1970.

        :param sync_id: ID of the state.
        :raises StateError: when the database fails.
        """
        keys = self.tables.keys.c
        query = sa.select(keys.key_hash, keys.fingerprint, keys.sent_at).where(keys.sync_id == sync_id)
        with self._translate_errors("read"), self.engine.connect() as connection:
            yield from map(tuple, connection.execution_options(stream_results=True).execute(query))

    def size(self, sync_id: str) -> int:
        """
        Return how many keys are recorded.

        :param sync_id: ID of the state.
        :raises StateError: when the database fails.
        """
        keys = self.tables.keys
        query = sa.select(sa.func.count()).select_from(keys).where(keys.c.sync_id == sync_id)
        with self._translate_errors("read"), self.engine.connect() as connection:
            return int(connection.execute(query).scalar() or 0)
