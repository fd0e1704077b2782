"""
The tables that state is kept in, in a database of the user's own; they make themselves.

One holds a row for each key: the fingerprint of the item that Heap took last. The other, of the same name with
``_syncs``, holds a row for each sync and target: whose keys these are, and who is at work on them
(:mod:`.lease`). Keys are kept as hashes, in hexadecimal digits: no database's collation can
take one for another, they are no personal data, and every database can index them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import HeapObject
from airflow_provider_heap.exceptions import ModelError, StateError
from airflow_provider_heap.sync.state.dialects import SIZES, StateDialect

DEFAULT_TABLE = "heap_sync_state"
#: Keys asked for, or written, at a time.
KEYS_AT_ONCE = SIZES[-1]
#: Tries of a transaction that a deadlock or a lock that was not given in time ended: others write to the table too.
TRIES = 3


def fingerprints(bodies: Sequence[bytes]) -> list[str]:
    """
    Return how items are kept.

    :param bodies: the JSON of each.
    """
    begun, found = blake2b(digest_size=8), []
    for body in bodies:
        hashed = begun.copy()  # costs less than to begin anew
        hashed.update(body)
        found.append(hashed.hexdigest())
    return found


@dataclass(frozen=True)
class StateKey:
    """
    Whose keys they are: state is kept for each sync, environment and object apart, so that a sandbox or a staging App
    ID never makes production look up to date.

    :param sync: the sync's name.
    :param environment: where it writes to.
    :param heap_object: what it writes.
    """

    sync: str
    environment: Environment
    heap_object: HeapObject

    @property
    def id(self) -> str:
        """The scope in 16 digits."""
        parts = self.sync, self.environment.base_url, self.environment.app_id, self.heap_object.name
        return blake2b("\x1f".join(parts).encode(), digest_size=8).hexdigest()

    def digests(self, keys: Sequence[str]) -> list[str]:
        """
        Return how keys are kept: their hashes, which are other ones in every scope.

        :param keys: Account IDs, identities or idempotency keys.
        """
        begun, found = blake2b(f"{self.id}\x1f".encode(), digest_size=16), []
        for key in keys:
            hashed = begun.copy()
            hashed.update(key.encode("utf-8", "surrogatepass"))
            found.append(hashed.hexdigest())
        return found


def _digits(length: int) -> sa.types.TypeEngine[str]:
    """Return the type of hexadecimal digits; PostgreSQL need not ask a language how to compare them."""
    return sa.String(length).with_variant(postgresql.VARCHAR(length, collation="C"), "postgresql")


class Tables:
    """
    The two tables.

    :param name: of the table of keys, may be ``schema.table``; the other one is called the same with ``_syncs``.
    """

    def __init__(self, name: str) -> None:
        schema, _, table = name.strip().rpartition(".")
        if not table:
            raise ModelError(f"state_table must be a table's name, or schema.table; found {name!r}.")
        self.metadata = sa.MetaData(schema=schema or None)
        self.keys = sa.Table(
            table,
            self.metadata,
            # It holds the sync too: with an index of two columns, and as long as it has no statistics, PostgreSQL would
            # rather scan a whole sync than look up a thousand keys.
            sa.Column("key_hash", _digits(32), primary_key=True),
            sa.Column("sync_id", _digits(16), nullable=False),
            sa.Column("fingerprint", sa.String(16), nullable=False),
            sa.Column("sent_at", sa.BigInteger, nullable=False),
            sqlite_with_rowid=False,
            mysql_charset="ascii",
        )
        self.syncs = sa.Table(
            f"{table}_syncs",
            self.metadata,
            sa.Column("sync_id", sa.String(16), primary_key=True),
            sa.Column("sync_name", sa.String(500), nullable=False),
            sa.Column("base_url", sa.String(500), nullable=False),
            sa.Column("app_id", sa.String(50), nullable=False),
            sa.Column("object", sa.String(50), nullable=False),
            sa.Column("mapping", sa.String(50)),
            sa.Column("last_run", sa.String(500)),
            sa.Column("last_run_at", sa.BigInteger),
            sa.Column("holders", sa.Text, nullable=False),
            sa.Column("turn", sa.BigInteger, nullable=False),
            mysql_charset="utf8mb4",
        )


class Store:
    """
    The tables in a database; safe to use from several threads.

    :param engine: the database.
    :param table: the table's name, may be ``schema.table``.
    :param name: what messages call the database: the ID of the connection.
    """

    def __init__(self, engine: sa.engine.Engine, table: str = DEFAULT_TABLE, name: str = "state") -> None:
        # MySQL's default would lock the gaps between keys, and shards of one sync would wait for each other.
        isolation = {"isolation_level": "READ COMMITTED"} if engine.dialect.name in ("mysql", "mariadb") else {}
        self.engine = engine.execution_options(**isolation)
        self.tables = Tables(table)
        self._statements = StateDialect(self.tables.keys, engine.dialect)
        self.name = name
        self._table = table
        # SQLite has one writer at a time; to write in turn is no slower elsewhere.
        self._writing = threading.Lock()

    def make(self) -> None:
        """
        Make the tables that are missing.

        :raises StateError: when that fails.
        """
        with self.told("made"):
            try:
                self.tables.metadata.create_all(self.engine)
            except DBAPIError:
                # Another task may have made them in the same moment; if not, this raises again.
                self.tables.metadata.create_all(self.engine)

    def exists(self) -> bool:
        """
        Tell whether the tables are there.

        :raises StateError: when the database can't be asked.
        """
        with self.told("read"):
            found = sa.inspect(self.engine)
            return all(found.has_table(table.name, schema=table.schema) for table in self.tables.metadata.sorted_tables)

    @contextmanager
    def told(self, what: str) -> Iterator[None]:
        """
        Turn what the database raises into one of our own.

        :param what: what could not be done to the state, for the message.
        :raises StateError: when the block failed in the database.
        """
        try:
            yield
        except SQLAlchemyError as error:
            # SQLAlchemy's own text quotes the statement and its parameters.
            cause = getattr(error, "orig", None) or type(error).__name__
            raise StateError(
                f"The state could not be {what}, in table {self._table!r} of connection {self.name!r}: "
                f"{' '.join(str(cause).split())[:300]}. Rows that Heap took and that were not recorded are sent again "
                "by the next try."
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[sa.engine.Connection]:
        """Give a connection in a transaction, one at a time in this process."""
        with self._writing, self.engine.begin() as connection:
            yield connection

    def enroll(self, scope: StateKey) -> None:
        """
        Give a sync and target its row, unless it has one.

        :param scope: the sync and its target.
        :raises StateError: when that fails.
        """
        if self.about(scope) is not None:
            return
        row = {
            "sync_id": scope.id,
            "sync_name": scope.sync,
            "base_url": scope.environment.base_url,
            "app_id": scope.environment.app_id,
            "object": scope.heap_object.name,
            "holders": "{}",
            "turn": 0,
        }
        # Another instance of the same sync may be faster.
        with self.told("written"), suppress(IntegrityError), self.transaction() as connection:
            connection.execute(sa.insert(self.tables.syncs), row)

    def about(self, scope: StateKey) -> dict[str, Any] | None:
        """
        Return the row of a sync and target.

        :param scope: the sync and its target.
        :raises StateError: when it can't be read.
        """
        return next((row for row in self.targets(scope.sync) if row["sync_id"] == scope.id), None)

    def targets(self, sync: str) -> list[dict[str, Any]]:
        """
        Return the rows of a sync, one for each target that it ever had.

        :param sync: its name.
        :raises StateError: when they can't be read.
        """
        table = self.tables.syncs
        with self.told("read"), self.engine.connect() as connection:
            rows = connection.execute(sa.select(table).where(table.c.sync_name == sync))
            # The database may take names for the same that differ in case.
            return [dict(row._mapping) for row in rows if row.sync_name == sync]

    def note(self, scope: StateKey, **values: Any) -> None:
        """
        Write into the row of a sync and target.

        :param scope: the sync and its target.
        :param values: by column.
        :raises StateError: when that fails.
        """
        table = self.tables.syncs
        with self.told("written"), self.transaction() as connection:
            connection.execute(sa.update(table).where(table.c.sync_id == scope.id).values(**values))

    def known(self, digests: Sequence[str]) -> dict[str, str]:
        """
        Return the fingerprints of those keys that are recorded.

        :param digests: the keys.
        :raises StateError: when they can't be read.
        """
        found: dict[str, str] = {}
        with self.told("read"), self.engine.connect() as connection:
            for start in range(0, len(digests), KEYS_AT_ONCE):
                found.update(self._statements.known(connection, digests[start : start + KEYS_AT_ONCE]))
        return found

    def record(self, sync_id: str, prints: dict[str, str], sent_at: int) -> None:
        """
        Write keys down, in one transaction.

        :param sync_id: the scope's.
        :param prints: fingerprints by key.
        :param sent_at: when Heap took them, in seconds since 1970.
        :raises StateError: when they can't be written.
        """
        # In one order, so that shards that write the same keys wait for each other instead of locking each other up.
        keys = sorted(prints)
        with self.told("written"):
            for attempt in Retrying(
                retry=retry_if_exception_type(OperationalError),
                stop=stop_after_attempt(TRIES),
                wait=wait_random(0.05, 0.3),
                reraise=True,
            ):
                with attempt, self.transaction() as connection:
                    self._statements.write(connection, sync_id, keys, [prints[key] for key in keys], sent_at)

    def forget(self, sync_id: str, digests: Sequence[str] | None = None, before: int | None = None) -> int:
        """
        Strike keys out, and return how many there were.

        :param sync_id: the scope's.
        :param digests: the keys; None for all.
        :param before: only those that were sent before that time, in seconds since 1970.
        :raises StateError: when that fails.
        """
        keys = self.tables.keys.c
        statement = sa.delete(self.tables.keys).where(keys.sync_id == sync_id)
        if digests is not None:
            statement = statement.where(keys.key_hash.in_(digests))
        if before is not None:
            statement = statement.where(keys.sent_at < before)
        with self.told("changed"), self.transaction() as connection:
            return connection.execute(statement).rowcount

    def sent_at(self, digest: str) -> int | None:
        """
        Return when a key was sent, in seconds since 1970; None when it is not recorded.

        :param digest: the key.
        :raises StateError: when it can't be read.
        """
        keys = self.tables.keys.c
        with self.told("read"), self.engine.connect() as connection:
            found: int | None = connection.execute(sa.select(keys.sent_at).where(keys.key_hash == digest)).scalar()
            return found

    def rows(self, sync_id: str) -> Iterator[tuple[str, str, int]]:
        """
        Return all that is recorded: key, fingerprint and when it was sent, in seconds since 1970.

        :param sync_id: the scope's.
        :raises StateError: when it can't be read.
        """
        keys = self.tables.keys.c
        query = sa.select(keys.key_hash, keys.fingerprint, keys.sent_at).where(keys.sync_id == sync_id)
        with self.told("read"), self.engine.connect() as connection:
            yield from map(tuple, connection.execution_options(stream_results=True).execute(query))

    def size(self, sync_id: str) -> int:
        """
        Return how many keys are recorded.

        :param sync_id: the scope's.
        :raises StateError: when they can't be counted.
        """
        keys = self.tables.keys
        query = sa.select(sa.func.count()).select_from(keys).where(keys.c.sync_id == sync_id)
        with self.told("read"), self.engine.connect() as connection:
            return int(connection.execute(query).scalar() or 0)
