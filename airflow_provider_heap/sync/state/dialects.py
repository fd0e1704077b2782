"""
The two statements that a run makes for thousands of keys, in the way that each database takes them fastest.

SQLAlchemy writes the SQL. But it looks at every parameter of every row, which costs more than the database; since all
of ours are plain texts and numbers, they go straight to the driver.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

#: Keys that a statement looks up; no database takes any number of them.
SIZES = (10, 100, 1000)


class StateDialect:
    """
    Statements on the table of keys.

    :param table: the table.
    :param dialect: of its database.
    """

    def __init__(self, table: sa.Table, dialect: sa.engine.Dialect) -> None:
        self._table = table
        self._dialect = dialect
        self._compiled: dict[Any, Any] = {}
        self._upsert = self._make_upsert()

    def known(self, connection: sa.engine.Connection, digests: Sequence[str]) -> Any:
        """
        Return key and fingerprint of those keys that are recorded.

        :param connection: to the database.
        :param digests: the keys, one at least and 1000 at most.
        """
        keys = self._table.c
        query = sa.select(keys.key_hash, keys.fingerprint)
        if self._dialect.name == "postgresql":
            query = query.where(keys.key_hash == sa.any_(_array("digests")))
            return connection.execute(query, {"digests": ",".join(digests)}).all()
        # Filled up with the last key to one of a few sizes: a statement of a thousand parameters is large, and kept.
        size = next(size for size in SIZES if size >= len(digests))
        digests = [*digests, *[digests[-1]] * (size - len(digests))]
        names = [f"k{place}" for place in range(size)]
        compiled = self._compiled.get(size)
        if compiled is None:
            query = query.where(keys.key_hash.in_(map(sa.bindparam, names)))
            compiled = self._compiled[size] = query.compile(dialect=self._dialect)
        values = _parameters(compiled, dict(zip(names, digests, strict=True)))
        return connection.exec_driver_sql(compiled.string, values).all()

    def write(
        self, connection: sa.engine.Connection, sync_id: str, digests: list[str], prints: list[str], sent_at: int
    ) -> None:
        """
        Write keys and their fingerprints, whether they are recorded or not.

        :param connection: to the database, in a transaction.
        :param sync_id: whose they are.
        :param digests: the keys, each once.
        :param prints: their fingerprints.
        :param sent_at: when Heap took them, in seconds since 1970.
        """
        if self._dialect.name == "postgresql":
            connection.execute(
                self._upsert,
                {"sync": sync_id, "digests": ",".join(digests), "prints": ",".join(prints), "sent_at": sent_at},
            )
            return
        if self._dialect.name not in ("sqlite", "mysql", "mariadb"):
            connection.execute(sa.delete(self._table).where(self._table.c.key_hash.in_(digests)))
        compiled = self._compiled.get("upsert")
        if compiled is None:
            columns = [column.name for column in self._table.columns]
            compiled = self._compiled["upsert"] = self._upsert.compile(dialect=self._dialect, column_keys=columns)
        rows = [
            _parameters(compiled, {"sync_id": sync_id, "key_hash": key, "fingerprint": found, "sent_at": sent_at})
            for key, found in zip(digests, prints, strict=True)
        ]
        connection.exec_driver_sql(compiled.string, rows)

    def _make_upsert(self) -> Any:
        if self._dialect.name == "postgresql":
            rows = sa.select(
                sa.func.unnest(_array("digests")),
                sa.bindparam("sync", type_=sa.String),
                sa.func.unnest(_array("prints")),
                sa.bindparam("sent_at", type_=sa.BigInteger),
            )
            postgres = postgresql.insert(self._table).from_select([column.name for column in self._table.columns], rows)
            return postgres.on_conflict_do_update(
                index_elements=["key_hash"],
                set_={"fingerprint": postgres.excluded.fingerprint, "sent_at": postgres.excluded.sent_at},
            )
        if self._dialect.name == "sqlite":
            lite = sqlite.insert(self._table)
            return lite.on_conflict_do_update(
                index_elements=["key_hash"],
                set_={"fingerprint": lite.excluded.fingerprint, "sent_at": lite.excluded.sent_at},
            )
        if self._dialect.name in ("mysql", "mariadb"):
            maria = mysql.insert(self._table)
            return maria.on_duplicate_key_update(fingerprint=maria.inserted.fingerprint, sent_at=maria.inserted.sent_at)
        return sa.insert(self._table)


def _array(name: str) -> Any:
    """Return an array for PostgreSQL: one text with commas, which costs its drivers a tenth of a list."""
    return sa.func.string_to_array(sa.bindparam(name, type_=sa.Text), ",", type_=postgresql.ARRAY(sa.String))


def _parameters(compiled: Any, values: dict[str, Any]) -> Any:
    """Return values in the form that the driver wants: by name, or in the order of the statement."""
    return tuple(map(values.__getitem__, compiled.positiontup)) if compiled.positional else values
