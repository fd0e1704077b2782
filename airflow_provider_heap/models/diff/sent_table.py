"""The table of hashes in the database of the rows: what Heap took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

from airflow_provider_heap.exceptions import ModelError, StateError
from airflow_provider_heap.models.base import ReadContext
from airflow_provider_heap.models.diff.dialects.base import DiffDialect
from airflow_provider_heap.models.diff.sent_statements import SELF_TEST, SentStatements
from airflow_provider_heap.models.diff.session import Session
from airflow_provider_heap.models.drivers import connect
from airflow_provider_heap.models.drivers.base import Driver
from airflow_provider_heap.models.sql import open_query

Result = TypeVar("Result")

#: Keys whose hashes are written into one statement.
MAX_KEYS = 1000
#: Tries of a statement that may be repeated: shards that write the same table may be in each other's way.
TRIES = 3


@dataclass(frozen=True)
class SentTable:
    """
    The table of hashes. Safe to use from several threads: each call opens its own connection.

    :param context: gives the SQL hook, the model's parameters and the size of chunks.
    :param schema: where the tables are.
    :param sent: name of the table of what Heap took.
    :param statements: the SQL.
    """

    context: ReadContext
    schema: str
    sent: str
    statements: SentStatements

    def prepare(self, *, clear: bool) -> bool:
        """Create the table of what Heap took; return whether anything is recorded. See :class:`.Comparison`."""
        # Instances of a mapped task may create it at the same moment. PostgreSQL refuses all but one of them then.
        return _retry(lambda: self._prepare(clear))

    def _prepare(self, clear: bool) -> bool:
        with self._connect() as session:
            self._test(session)
            session.run(self.statements.create_sent, "create a table")
            session.commit()
            if not clear:
                return bool(session.rows(self.statements.any_sent, "read what is recorded"))
            self._dialect.delete(session, self.statements.sent, self.statements.of_all)
            session.commit()
            return False

    def forget(self, key_hashes: Sequence[str]) -> None:
        """Forget keys. Parameters: see :class:`.Comparison`."""
        for start in range(0, len(key_hashes), MAX_KEYS):
            self._delete(self.statements.of_keys(key_hashes[start : start + MAX_KEYS]))

    def forget_before(self, seconds: int) -> None:
        """Forget what was sent before a time. Parameters: see :class:`.Comparison`."""
        self._delete(self.statements.before(seconds))

    def size(self) -> int:
        """Return how many keys are recorded."""
        return int(self._rows(self.statements.count_sent)[0][0])

    def sent_at(self, key: str) -> int | None:
        """
        Return when a key was sent, in seconds since 1970; None when it is not recorded.

        :param key: its hash.
        """
        [[seconds]] = self._rows(self.statements.sent_at(key))
        return None if seconds is None else int(seconds)

    def records(self) -> Iterator[tuple[str, str, int]]:
        """Yield everything that is recorded: hashes of key and row, and when it was sent."""
        context = replace(self.context, parameters=None)
        types = [self._dialect.hash_type, self._dialect.hash_type, None]
        with open_query(self.statements.select_sent, context, types, self.prepare_driver) as rows:
            for chunk in rows.chunks:
                yield from ((str(key), str(row), int(seconds)) for key, row, seconds in chunk)

    def write_records(self, records: Iterable[tuple[str, str, int]]) -> int:
        """
        Record keys, and return how many.

        :param records: hashes of key and row, and when it was sent.
        """
        count = 0
        for some in batched(records, MAX_KEYS):
            self.forget([key for key, _, _ in some])
            self._add(self.statements.rows(some))
            count += len(some)
        return count

    @property
    def _dialect(self) -> DiffDialect:
        return self.statements.dialect

    def _rows(self, statement: str) -> list[Any]:
        with self._connect() as session:
            return session.rows(statement, "read what is recorded")

    def prepare_driver(self, driver: Driver) -> None:
        """
        Prepare a connection.

        :param driver: the connection.
        """
        self._session(driver).prepare(writes=False)

    def _session(self, driver: Driver) -> Session:
        return Session(driver, self._dialect, self.context, self.schema)

    @contextmanager
    def _connect(self) -> Iterator[Session]:
        with connect(self.context.get_db_hook()) as driver:
            session = self._session(driver)
            session.prepare(writes=True)
            yield session

    def _test(self, session: Session) -> None:
        hashes = [row[0] for row in session.rows(self.statements.self_test, "compare rows", certain=True)]
        rows = [*SELF_TEST, *self._dialect.self_test, "a key"]
        if len(set(hashes)) != len(rows) or not all(hashes) or self.statements.key_of_test not in hashes:
            raise ModelError(
                f"diff_schema: connection {session.conn_id!r} takes different rows for equal ones, or makes another "
                "MD5 than others, so it can't compare them. Leave diff_schema out, and the worker compares them."
            )

    def _delete(self, where: str) -> None:
        self._repeat(lambda session: self._dialect.delete(session, self.statements.sent, where))

    def _add(self, rows: str) -> None:
        self._repeat(lambda session: self._dialect.add(session, self.statements.sent, rows))

    def _repeat(self, change: Callable[[Session], None], wait: bool = True) -> None:
        def run() -> None:
            with self._connect() as session:
                if not wait:
                    session.do_not_wait()
                change(session)
                session.commit()

        _retry(run)


def batched(values: Iterable[Result], size: int) -> Iterator[list[Result]]:
    """
    Yield lists of values.

    :param values: the values.
    :param size: of each list but the last.
    """
    iterator = iter(values)
    while some := list(islice(iterator, size)):
        yield some


def _retry(function: Callable[[], Result]) -> Result:
    for attempt in range(1, TRIES):
        try:
            return function()
        except StateError:
            time.sleep(0.1 * attempt)
    return function()
