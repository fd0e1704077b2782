"""
Notes on the tables that a sync has in the database of its rows, kept beside the state.

A note says that a table of hashes is true: nothing else has sent rows of the sync since. Others name the tables of
changes, before they are made, so that the next run can drop what a dead one left behind.
"""

from __future__ import annotations

import time
from contextlib import suppress
from hashlib import blake2b

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from airflow_provider_heap.sync.plan import Holder
from airflow_provider_heap.sync.state.dialects import TEXT_TABLE, hex_digits
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.sync.state.store import Store

#: Seconds after which the changes of another run of events are dropped: several runs may be at work there.
LEFT_OVER_AFTER = 7 * 86_400


class DiffNotes:
    """
    The notes of one sync. Safe to use from several threads.

    :param store: the database of the state.
    :param key: the sync and its target.
    """

    def __init__(self, store: Store, key: StateKey) -> None:
        self._store = store
        self._key = key
        name = store.tables.keys.name
        self._table = sa.Table(
            f"{name}_diffs",
            sa.MetaData(schema=store.tables.metadata.schema),
            sa.Column("sync_id", hex_digits(16), primary_key=True),
            sa.Column("table_id", hex_digits(32), primary_key=True),
            # Connection, schema and table.
            sa.Column("table_name", sa.String(500), nullable=False),
            # Of the changes of a run: whose they are. Empty for the hashes of what Heap took.
            sa.Column("run", sa.String(600), nullable=False),
            sa.Column("instance", sa.String(600), nullable=False),
            sa.Column("noted_at", sa.BigInteger, nullable=False),
            **TEXT_TABLE,
        )

    def create_table(self) -> None:
        """
        Create the table of notes, unless it is there.

        :raises StateError: when the database fails.
        """
        if self._exists():
            return
        with suppress(DBAPIError):  # another task may be faster
            self._table.create(self._store.engine)
        self._exists()

    def is_true(self, table: str) -> bool:
        """
        Return whether a table of hashes says what Heap holds.

        :param table: connection, schema and table.
        :raises StateError: when the database fails.
        """
        if not self._exists():
            return False
        query = sa.select(self._table.c.table_id).where(self._is_sync, self._table.c.table_id == _id(table))
        return self._store.read(lambda connection: connection.execute(query).first()) is not None

    def add(self, table: str, holder: Holder | None = None) -> None:
        """
        Note a table.

        :param table: connection, schema and table.
        :param holder: whose changes it has; None for the table of hashes, which is the only one of the sync then.
        :raises StateError: when the database fails.
        """
        columns = self._table.c
        row = {
            "sync_id": self._key.id,
            "table_id": _id(table),
            "table_name": table,
            "run": holder.run if holder else "",
            "instance": holder.instance if holder else "",
            "noted_at": int(time.time()),
        }

        def write(connection: sa.engine.Connection) -> None:
            same = sa.and_(self._is_sync, columns.table_id == row["table_id"])
            if holder is None:
                others = sa.and_(self._is_sync, columns.run == "", columns.table_id != row["table_id"])
                connection.execute(sa.delete(self._table).where(others))
            # Instances of a mapped task note the same table: what one has inserted, the others leave in its place.
            if connection.execute(sa.select(columns.table_id).where(same)).first():
                connection.execute(sa.update(self._table).where(same).values(row))
            else:
                connection.execute(sa.insert(self._table).values(row))

        self._store.transact("written", write)

    def remove(self, table: str) -> None:
        """
        Remove a note.

        :param table: connection, schema and table.
        :raises StateError: when the database fails.
        """
        statement = sa.delete(self._table).where(self._is_sync, self._table.c.table_id == _id(table))
        self._store.transact("written", lambda connection: connection.execute(statement))

    def left_over(self, holder: Holder) -> list[str]:
        """
        Return the tables of changes that no living run uses, once the sync is held.

        Other instances of the same run are at work. Of events, which need no hold, other runs may be too.

        :param holder: who holds the sync.
        :raises StateError: when the database fails.
        """
        columns = self._table.c
        own = sa.and_(columns.run == holder.run, columns.instance == holder.instance)
        dead = (
            columns.noted_at < int(time.time()) - LEFT_OVER_AFTER
            if self._key.heap_object.write_once
            else columns.run != holder.run
        )
        query = sa.select(columns.table_name).where(self._is_sync, columns.run != "", sa.or_(own, dead))
        rows = self._store.read(lambda connection: connection.execute(query).all())
        return [row.table_name for row in rows]

    def end_comparing(self) -> None:
        """
        Note that rows of the sync are sent in another way: the table of hashes is not true any more.

        :raises StateError: when the database fails.
        """
        if self._exists():
            statement = sa.delete(self._table).where(self._is_sync, self._table.c.run == "")
            self._store.transact("written", lambda connection: connection.execute(statement))

    @property
    def _is_sync(self) -> sa.ColumnElement[bool]:
        return self._table.c.sync_id == self._key.id

    def _exists(self) -> bool:
        table = self._table
        return self._store.read(lambda connection: sa.inspect(connection).has_table(table.name, schema=table.schema))


def _id(table: str) -> str:
    return blake2b(table.encode(), digest_size=16).hexdigest()
