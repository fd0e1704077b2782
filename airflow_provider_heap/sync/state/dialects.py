"""
What differs between the databases that state is kept in: one class for each of them.

SQLAlchemy writes the SQL. But it examines every parameter of every row, which costs more than the database does. The
values here are plain texts and numbers, so statements on many keys go straight to the driver.

To add a database, write a class and name it in ``_CLASSES``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

#: Numbers of keys for which statements are kept; some databases take few more parameters than the last.
LOOKUP_SIZES = (10, 100, 1000)
#: Most keys in one statement.
MAX_KEYS = LOOKUP_SIZES[-1]

#: Options of a table of hexadecimal digits and numbers.
ASCII_TABLE: dict[str, Any] = {"sqlite_with_rowid": False, "mysql_charset": "ascii"}
#: Options of a table of any text.
TEXT_TABLE: dict[str, Any] = {"mysql_charset": "utf8mb4"}
#: In place of a fingerprint that was struck out; no item has it.
STRUCK_OUT = "unknown"
#: Seconds after which the database ends a transaction in which nothing happens: as long as the hold of a dead run.
MAX_IDLE = 60.0


def hex_digits(length: int) -> sa.types.TypeEngine[str]:
    """
    Return the type of a column of hexadecimal digits.

    :param length: number of digits.
    """
    # PostgreSQL then need not ask a language how to compare them.
    return sa.String(length).with_variant(postgresql.VARCHAR(length, collation="C"), "postgresql")


class StateDialect:
    """
    Run the statements on many keys; base of the classes of the databases. Safe to use from several threads: two that
    compile the same statement at once keep the same text.

    :param keys: the table of keys.
    :param dialect: SQLAlchemy's dialect of the database.
    """

    #: Execution options of the engine.
    execution_options: ClassVar[Mapping[str, Any]] = {}
    #: Arguments of the driver, for a database whose connections SQLAlchemy must open itself; None when they may be the
    #: Airflow hook's own.
    connect_args: ClassVar[Mapping[str, Any] | None] = None
    #: SQL of the database's own clock, in milliseconds since 1970; None for the worker's.
    clock: ClassVar[str | None] = None
    #: Statement at the beginning of a transaction that keeps its locks from outliving a worker that stands still, with
    #: a place for :data:`MAX_IDLE` in seconds; None where there is none.
    limit_idle_time: ClassVar[str | None] = None

    def __init__(self, keys: sa.Table, dialect: sa.engine.Dialect) -> None:
        self._keys = keys
        self._dialect = dialect
        self._compiled: dict[tuple[str, int], Any] = {}
        self._columns = [column.name for column in keys.columns]
        self._upsert = self._make_upsert()
        self._compiled_upsert: Any = None

    def fingerprints_of(self, connection: sa.engine.Connection, key_hashes: Sequence[str]) -> Iterable[Sequence[Any]]:
        """
        Return hash and fingerprint of those keys that are recorded.

        :param connection: to the database.
        :param key_hashes: 1 to 1000 keys.
        """
        columns = self._keys.c
        query = sa.select(columns.key_hash, columns.fingerprint)
        rows: Iterable[Sequence[Any]] = self._execute_for_keys(connection, "lookup", query, key_hashes).all()
        return rows

    def strike_out(self, connection: sa.engine.Connection, key_hashes: Sequence[str]) -> None:
        """
        Replace the fingerprints of keys by :data:`STRUCK_OUT`.

        :param connection: to the database, in a transaction.
        :param key_hashes: 1 to 1000 keys.
        """
        update = sa.update(self._keys).values(fingerprint=sa.literal(STRUCK_OUT))
        self._execute_for_keys(connection, "strike out", update, key_hashes)

    def begin(self, connection: sa.engine.Connection) -> None:
        """
        Begin a transaction that locks rows: have the database end it when the worker stands still.

        :param connection: to the database, in the transaction.
        """
        if self.limit_idle_time is not None:
            connection.exec_driver_sql(self.limit_idle_time.format(seconds=MAX_IDLE))

    def now(self) -> Any:
        """Return the time in milliseconds since 1970: an expression of the database's clock, or a number."""
        return int(time.time() * 1000) if self.clock is None else sa.literal_column(self.clock, sa.BigInteger)

    def upsert(
        self, connection: sa.engine.Connection, sync_id: str, fingerprints: Mapping[str, str], sent_at: int
    ) -> None:
        """
        Write keys and their fingerprints, whether they are recorded or not.

        :param connection: to the database, in a transaction.
        :param sync_id: ID of their state.
        :param fingerprints: by key, in the order in which they are written.
        :param sent_at: when Heap took them, in seconds since 1970.
        """
        if self._compiled_upsert is None:
            self._compiled_upsert = self._upsert.compile(dialect=self._dialect, column_keys=self._columns)
        upsert = self._compiled_upsert
        rows = [
            _parameters(
                upsert, {"sync_id": sync_id, "key_hash": key_hash, "fingerprint": fingerprint, "sent_at": sent_at}
            )
            for key_hash, fingerprint in fingerprints.items()
        ]
        connection.exec_driver_sql(upsert.string, rows)

    def _execute_for_keys(
        self, connection: sa.engine.Connection, name: str, statement: Any, key_hashes: Sequence[str]
    ) -> Any:
        # Filled up with the last key to one of a few sizes: a statement of a thousand parameters is large, and kept.
        size = next(size for size in LOOKUP_SIZES if size >= len(key_hashes))
        padded = [*key_hashes, *[key_hashes[-1]] * (size - len(key_hashes))]
        names = [f"k{position}" for position in range(size)]
        compiled = self._compiled.get((name, size))
        if compiled is None:
            statement = statement.where(self._keys.c.key_hash.in_(map(sa.bindparam, names)))
            compiled = self._compiled[name, size] = statement.compile(dialect=self._dialect)
        values = {**compiled.params, **dict(zip(names, padded, strict=True))}
        return connection.exec_driver_sql(compiled.string, _parameters(compiled, values))

    def _make_upsert(self) -> sa.Insert:
        """Return the statement that writes a key whether it is recorded or not."""
        raise NotImplementedError


class OtherDialect(StateDialect):
    """A database of which no upsert is known: recorded keys are deleted and inserted again."""

    def upsert(
        self, connection: sa.engine.Connection, sync_id: str, fingerprints: Mapping[str, str], sent_at: int
    ) -> None:
        """
        Write keys and their fingerprints, whether they are recorded or not.

        :param connection: to the database, in a transaction.
        :param sync_id: ID of their state.
        :param fingerprints: by key, in the order in which they are written.
        :param sent_at: when Heap took them, in seconds since 1970.
        """
        connection.execute(sa.delete(self._keys).where(self._keys.c.key_hash.in_(list(fingerprints))))
        super().upsert(connection, sync_id, fingerprints, sent_at)

    def _make_upsert(self) -> sa.Insert:
        return sa.insert(self._keys)


class SqliteDialect(StateDialect):
    """SQLite: one writer at a time, and connections that are bound to the thread that opened them."""

    clock = "CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER)"
    #: Seconds to wait for another writer of the file: shards of a sync wait for each other.
    connect_args: ClassVar[Mapping[str, Any] | None] = {"timeout": 60}

    def _execute_for_keys(
        self, connection: sa.engine.Connection, name: str, statement: Any, key_hashes: Sequence[str]
    ) -> Any:
        # One text instead of a thousand parameters; in the order of the index, so that SQLite finds them side by side.
        keys = sa.func.json_each(sa.bindparam("keys", type_=sa.Text)).table_valued("value")
        statement = statement.where(self._keys.c.key_hash.in_(sa.select(keys.c.value)))
        return connection.execute(statement, {"keys": '["' + '","'.join(sorted(key_hashes)) + '"]'})

    def _make_upsert(self) -> sa.Insert:
        insert = sqlite.insert(self._keys)
        return insert.on_conflict_do_update(
            index_elements=["key_hash"],
            set_={"fingerprint": insert.excluded.fingerprint, "sent_at": insert.excluded.sent_at},
        )


class MySqlDialect(StateDialect):
    """MySQL and MariaDB."""

    clock = "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)"
    # The default would lock the gaps between keys, and shards of one sync would wait for each other.
    execution_options: ClassVar[Mapping[str, Any]] = {"isolation_level": "READ COMMITTED"}
    # MySQL has no such setting, and takes it for a comment.
    limit_idle_time = "SET /*M!100300 SESSION idle_transaction_timeout = {seconds:.0f}, */ @heap_state = 1"

    def _make_upsert(self) -> sa.Insert:
        insert = mysql.insert(self._keys)
        return insert.on_duplicate_key_update(fingerprint=insert.inserted.fingerprint, sent_at=insert.inserted.sent_at)


class PostgresDialect(StateDialect):
    """PostgreSQL: many keys travel as one array."""

    clock = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
    # Of the transaction, not of the session: a pooler may give that to somebody else.
    limit_idle_time = "SET LOCAL idle_in_transaction_session_timeout = '{seconds:.0f}s'"

    def _execute_for_keys(
        self, connection: sa.engine.Connection, name: str, statement: Any, key_hashes: Sequence[str]
    ) -> Any:
        # PostgreSQL would rather read a table of some hundred thousand rows than look up a thousand keys.
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        statement = statement.where(self._keys.c.key_hash == sa.any_(_array("keys")))
        return connection.execute(statement, {"keys": ",".join(key_hashes)})

    def upsert(
        self, connection: sa.engine.Connection, sync_id: str, fingerprints: Mapping[str, str], sent_at: int
    ) -> None:
        """
        Write keys and their fingerprints, whether they are recorded or not.

        :param connection: to the database, in a transaction.
        :param sync_id: ID of their state.
        :param fingerprints: by key, in the order in which they are written.
        :param sent_at: when Heap took them, in seconds since 1970.
        """
        parameters = {
            "keys": ",".join(fingerprints),
            "fingerprints": ",".join(fingerprints.values()),
            "sync": sync_id,
            "sent_at": sent_at,
        }
        connection.execute(self._upsert, parameters)

    def _make_upsert(self) -> sa.Insert:
        rows = sa.select(
            sa.func.unnest(_array("keys")),
            sa.bindparam("sync", type_=sa.String),
            sa.func.unnest(_array("fingerprints")),
            sa.bindparam("sent_at", type_=sa.BigInteger),
        )
        insert = postgresql.insert(self._keys).from_select(self._columns, rows)
        return insert.on_conflict_do_update(
            index_elements=["key_hash"],
            set_={"fingerprint": insert.excluded.fingerprint, "sent_at": insert.excluded.sent_at},
        )


_CLASSES: dict[str, type[StateDialect]] = {
    "sqlite": SqliteDialect,
    "postgresql": PostgresDialect,
    "mysql": MySqlDialect,
    "mariadb": MySqlDialect,
}


def dialect_class(engine: sa.engine.Engine) -> type[StateDialect]:
    """
    Return the class for a database.

    :param engine: the database.
    """
    return _CLASSES.get(engine.dialect.name, OtherDialect)


def _array(name: str) -> Any:
    """Return an array for PostgreSQL: one text with commas, which costs its drivers a tenth of a list."""
    return sa.func.string_to_array(sa.bindparam(name, type_=sa.Text), ",", type_=postgresql.ARRAY(sa.String))


def _parameters(compiled: Any, values: dict[str, Any]) -> Any:
    """Return values in the form that the driver wants: by name, or in the order of the statement."""
    return tuple(map(values.__getitem__, compiled.positiontup)) if compiled.positional else values
