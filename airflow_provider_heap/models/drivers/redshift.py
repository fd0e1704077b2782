"""
redshift_connector keeps a whole result in memory, so that rows are fetched from a cursor in the database.

Redshift declares cursors for queries alone, and may refuse one; what it refuses is run as the driver does.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from airflow_provider_heap.models.base import Chunk
from airflow_provider_heap.models.drivers.base import CACHED_ROWS, ConvertColumn
from airflow_provider_heap.models.drivers.warehouses import JsonTextDriver
from airflow_provider_heap.models.parameters import Escape, unescaped
from airflow_provider_heap.models.statement import first_word

log = logging.getLogger(__name__)

#: What a cursor can be declared for.
_QUERIES = frozenset({"select", "with"})
#: Types that the driver prints as hexadecimal digits.
_BINARY = frozenset({"bytes", "bytea", "varbyte"})
#: A name or a text in quotes, or a percent sign.
_PERCENT = re.compile(r"""("[^"]*"|'[^']*')|%""")


class Redshift(JsonTextDriver):
    """redshift_connector: SUPER is a text of JSON."""

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """Open a cursor in the database."""
        with closing(self.connection.cursor()) as cursor:
            yield ServerCursor(self.connection, cursor)

    def error_text(self, error: Exception) -> str:
        """Return the database's message, which the driver hides in a dict. Parameters: see :class:`Driver`."""
        fields = error.args[0] if error.args else None
        return str(fields["M"]) if isinstance(fields, dict) and "M" in fields else str(error)

    def type_name(self, code: Any) -> str | None:
        """Return the name of a type. Parameters: see :class:`Driver`."""
        try:
            name: str = sys.modules["redshift_connector.utils.oids"].RedshiftOID(code).name
        except (KeyError, ValueError):
            return None
        return name.lower().removesuffix("_type")

    def escape(self, sql: str, parameters: Any) -> Escape:
        """Return what writes SQL around a query; the driver leaves alone what is in quotes. See :class:`Driver`."""
        return _double_percents if parameters else unescaped

    def converters(self, cursor: Any, types: Sequence[str | None]) -> dict[int, ConvertColumn]:
        """Decode SUPER, and make bytes of binary columns. Parameters: see :class:`Driver`."""
        binary = {place: digits_to_bytes for place, name in enumerate(types) if name in _BINARY}
        return {**super().converters(cursor, types), **binary}


class ServerCursor:
    """
    A cursor that is declared in the database.

    :param connection: of redshift_connector.
    :param cursor: its cursor, which runs each statement.
    """

    #: Not known before the last row.
    rowcount = -1

    def __init__(self, connection: Any, cursor: Any) -> None:
        self._connection = connection
        self._cursor = cursor
        self._declared = False
        self._first: Chunk | None = None

    @property
    def description(self) -> Any:
        """The columns, in the form of PEP 249."""
        return self._cursor.description

    def execute(self, sql: str, parameters: Any = None) -> None:
        """
        Declare a cursor for a query, and fetch its first rows.

        :param sql: SQL, in which ``%`` is a percent sign when there are no parameters.
        :param parameters: for ``%s``.
        """
        if first_word(sql) not in _QUERIES:
            self._cursor.execute(sql, parameters)
            return
        try:
            self._cursor.execute(f"declare heap_rows cursor for {sql}", parameters)
        except Exception as refusal:
            self._connection.rollback()
            self._cursor.execute(sql, parameters)
            log.warning("Redshift declares no cursor for this query (%s): its whole result is in memory.", refusal)
            return
        self._first = self._fetch(CACHED_ROWS)
        self._declared = True

    def fetchmany(self, size: int) -> Chunk:
        """
        Return the next rows.

        :param size: how many at most.
        """
        if not self._declared:
            rows: Chunk = self._cursor.fetchmany(size)
            return rows
        first, self._first = self._first, None
        return self._fetch(size) if first is None else first

    def _fetch(self, size: int) -> Chunk:
        # A cluster of one node refuses to fetch more than a thousand, which is what CACHED_ROWS is too.
        self._cursor.execute(f"fetch forward {int(size)} from heap_rows")
        rows: Chunk = self._cursor.fetchall()
        return rows


def _double_percents(sql: str) -> str:
    return _PERCENT.sub(lambda match: match[1] or "%%", sql)


def digits_to_bytes(values: Sequence[Any]) -> list[Any]:
    """
    Return the bytes of each binary value.

    :param values: texts of hexadecimal digits, or what the driver converted.
    """
    return [_to_bytes(value) if value.__class__ is str else value for value in values]


def _to_bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("\\x"))
    except ValueError:
        return text.encode()
