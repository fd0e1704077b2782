"""Transactions on the database of the state, and its errors."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random

from airflow_provider_heap.exceptions import StateError
from airflow_provider_heap.sync.state.dialects import dialect_class
from airflow_provider_heap.sync.state.tables import DEFAULT_TABLE, Tables

Result = TypeVar("Result")

#: Tries of a transaction that the database ended: a deadlock, a lock that it did not get in time, a lost connection.
TRIES = 3
#: How databases say that a role may not do something.
_NOT_ALLOWED = re.compile(
    "permission denied|no schema has been selected|command denied|access denied|readonly database|read.only|"
    "insufficient priv|not authorized",
    re.IGNORECASE,
)
#: Tries to create the tables: each that fails means that another task created one of them at the same moment.
CREATE_TRIES = 10


class StateDatabase:
    """
    A database with the state's tables. Safe to use from several threads: ``_write_lock`` allows one transaction at a
    time in this process, and nothing else changes. SQLite has one writer at a time anyway; elsewhere it is no slower.

    :param engine: the database.
    :param table: name of the table of keys, may be ``schema.table``.
    :param name: what messages call the database: the ID of the connection.
    :raises ModelError: when the table's name is empty.
    """

    def __init__(self, engine: sa.engine.Engine, table: str = DEFAULT_TABLE, name: str = "state") -> None:
        cls = dialect_class(engine)
        self.engine = engine.execution_options(**cls.execution_options)
        self.tables = Tables(table)
        self.name = name
        self._dialect = cls(self.tables.keys, engine.dialect)
        # SQLAlchemy lets some of them through, such as those of a connection that is lost while it is put back.
        driver: Any = engine.dialect.dbapi
        self._driver_error = driver.Error
        # A row that another transaction has just inserted is found when the work is done again. DuckDB's driver has no
        # OperationalError.
        operational = getattr(driver, "OperationalError", OperationalError)
        self._errors_that_may_pass = (OperationalError, IntegrityError, operational)
        self._table = table
        self._write_lock = threading.Lock()

    def close(self) -> None:
        """Close the connections that nobody uses. Whoever calls another method opens new ones."""
        self.engine.dispose()

    def create_tables(self, metadata: sa.MetaData | None = None) -> None:
        """
        Create the tables that are missing.

        :param metadata: the tables; None for those of every sync.
        :raises StateError: when the database fails.
        """
        metadata = metadata or self.tables.metadata
        with self._translate_errors("created"):
            for _ in range(CREATE_TRIES - 1):
                with suppress(DBAPIError):
                    metadata.create_all(self.engine)
                    return
            metadata.create_all(self.engine)

    def has_tables(self) -> bool:
        """
        Return whether there is a state to read.

        :raises StateError: when the database fails.
        """
        with self._translate_errors("read"):
            inspector = sa.inspect(self.engine)
            tables = (self.tables.keys, self.tables.syncs)
            return all(inspector.has_table(table.name, schema=table.schema) for table in tables)

    def now(self) -> Any:
        """Return the database's time in milliseconds since 1970, to be used in a statement."""
        return self._dialect.now()

    def transact(self, action: str, work: Callable[[sa.engine.Connection], Result]) -> Result:
        """
        Do something in a transaction; again when the database ended it for a reason that may pass.

        :param action: what is done to the state, for the message of an error: a participle.
        :param work: called with a connection in the transaction.
        :return: what it returned.
        :raises StateError: when the database fails.
        """

        def transact_once() -> Result:
            with self._write_lock, self.engine.begin() as connection:
                self._dialect.begin(connection)
                return work(connection)

        return self._retry(action, transact_once)

    def read(self, work: Callable[[sa.engine.Connection], Result]) -> Result:
        """
        Read something; again when the connection was lost.

        :param work: called with a connection.
        :return: what it returned.
        :raises StateError: when the database fails.
        """

        def read_once() -> Result:
            with self.engine.connect() as connection:
                return work(connection)

        return self._retry("read", read_once)

    def _retry(self, action: str, work: Callable[[], Result]) -> Result:
        retrying = Retrying(
            retry=retry_if_exception(self._may_pass),
            stop=stop_after_attempt(TRIES),
            wait=wait_random(0.05, 0.3),
            reraise=True,
        )
        with self._translate_errors(action):
            result: Result = retrying(work)
            return result

    def _may_pass(self, error: BaseException) -> bool:
        """Return whether the same work may succeed: the database ended the transaction, or the connection was lost."""
        if isinstance(error, self._errors_that_may_pass):
            return True
        return isinstance(error, DBAPIError) and error.connection_invalidated

    @contextmanager
    def _translate_errors(self, action: str) -> Iterator[None]:
        """Raise what the database raises as a StateError."""
        try:
            yield
        except (SQLAlchemyError, self._driver_error) as error:
            # SQLAlchemy's own text quotes the statement and its parameters.
            own = type(error).__name__ if isinstance(error, SQLAlchemyError) else error
            cause = getattr(error, "orig", None) or own
            message = (
                f"The state could not be {action}, in table {self._table!r} of connection {self.name!r}: "
                f"{' '.join(str(cause).split())[:300]}."
            )
            if grant := self._missing_grant(str(cause)):
                raise StateError(f"{message} {grant}") from error
            if action == "created":  # before anything is read
                raise StateError(f"{message} Nothing was sent.") from error
            raise StateError(
                f"{message} Rows that Heap took and that were not recorded are sent again by the next try."
            ) from error

    def _missing_grant(self, cause: str) -> str:
        """Return what allows the state to be kept, when an error says that it is not allowed; else nothing."""
        if not _NOT_ALLOWED.search(cause):
            return ""
        keys, syncs = self.tables.keys, self.tables.syncs
        schema = f"on the schema {keys.schema!r}" if keys.schema else "in the connection's schema"
        role = self.engine.url.username or "the connection's user"
        return (
            f"The connection's user needs more rights: grant select, insert, update, delete on {keys.fullname}, "
            f"{syncs.fullname} to {role}; and for the first run CREATE {schema}, which makes the tables. Or name "
            "another connection as state_conn_id."
        )
