"""What all drivers have in common, as PEP 249 has it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models.base import Chunk
from airflow_provider_heap.models.parameters import Escape, escape_of

#: Rows asked for at a time of a driver that streams by itself: few enough to stay in the processor's cache.
CACHED_ROWS = 1000
#: What PEP 249 lets a driver tell types apart by.
_KINDS = ("BINARY", "DATETIME", "NUMBER", "STRING")

#: Converts a column of a chunk.
ConvertColumn = Callable[[Sequence[Any]], Sequence[Any]]


class Driver:
    """
    Reads rows from a connection. For one query, and one thread at a time.

    :param connection: an open connection.
    :param name: the driver's module.
    """

    def __init__(self, connection: Any, name: str) -> None:
        self.connection = connection
        self.name = name

    @property
    def paramstyle(self) -> str | None:
        """How parameters are written, in the words of PEP 249."""
        return getattr(sys.modules.get(self.name), "paramstyle", None)

    def fetch_size(self, wanted: int) -> int:
        """
        Return how many rows to ask for at a time.

        :param wanted: what the user wants.
        """
        return min(wanted, CACHED_ROWS)

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """Open a cursor that does not fetch the whole result at once."""
        with closing(self.connection.cursor()) as cursor:
            yield cursor

    def prepare(self, sql: str, parameters: Any) -> None:
        """
        Do what must be done before a query is run.

        :param sql: the query.
        :param parameters: its parameters.
        """

    def escape(self, sql: str, parameters: Any) -> Escape:
        """
        Return what writes SQL that a query is put into, so that only the query's own parameters are taken for some.

        :param sql: the query.
        :param parameters: its parameters.
        """
        return escape_of(self.name, parameters, self.paramstyle)

    def fetch(self, cursor: Any, size: int) -> Chunk:
        """
        Return the next rows.

        :param cursor: one that a query was run with.
        :param size: how many at most.
        """
        rows: Chunk = cursor.fetchmany(size)
        return rows

    def fetch_blindly(self, cursor: Any, size: int) -> Chunk:
        """
        Return the first rows of a cursor that does not know its columns yet.

        :param cursor: one that a statement was run with.
        :param size: how many at most.
        :raises ModelError: when the statement returned no rows.
        """
        try:
            return self.fetch(cursor, size)
        except Exception as error:
            # PEP 249 has drivers raise an Error of their own here when there are no rows; most choose this one.
            if type(error).__name__ != "ProgrammingError":
                raise
            raise ModelError("The model is a statement that returns no rows; write a SELECT.") from error

    def error_text(self, error: Exception) -> str:
        """
        Return what the database says of an error, as a person should read it.

        :param error: raised when the query was run.
        """
        return str(error)

    def columns(self, cursor: Any) -> list[str]:
        """
        Return the names of the columns.

        :param cursor: one that a query was run with.
        """
        return [column[0] for column in cursor.description]

    def types(self, cursor: Any) -> list[str | None]:
        """
        Return the database's name for the type of each column; None where the driver does not say it.

        :param cursor: one that a query was run with.
        """
        return [self.type_name(column[1]) for column in cursor.description]

    def type_name(self, code: Any) -> str | None:
        """
        Return the name of a type.

        :param code: the driver's code of it.
        """
        module = sys.modules.get(self.name)
        # Comparing with these objects is how PEP 249 has it: a driver's codes may be anything.
        kind = next((kind for kind in _KINDS if code is not None and getattr(module, kind, None) == code), None)
        return kind.lower() if kind else None

    def converters(self, cursor: Any, types: Sequence[str | None]) -> dict[int, ConvertColumn]:
        """
        Return what must be done with the values of columns that the driver hands over in a form of its own.

        :param cursor: one that a query was run with.
        :param types: what :meth:`types` returned.
        :return: by the position of the column.
        """
        return {}
