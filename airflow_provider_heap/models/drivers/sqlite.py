"""SQLite: any column may hold a value of any type, and a text may be of any bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models.base import Chunk
from airflow_provider_heap.models.drivers.base import ConvertColumn, Driver
from airflow_provider_heap.models.drivers.conversions import decode_json
from airflow_provider_heap.sync.mapping.unreadable import UnreadableValue

_CHANGING = re.compile(r"\brandom", re.IGNORECASE)


class Sqlite(Driver):
    """sqlite3 of Python."""

    def prepare(self, sql: str, parameters: Any) -> None:
        """Ask for the types, and remember the query, to run it again if need be. Parameters: see :class:`Driver`."""
        self._query = (sql, parameters or ())
        self._fetched = 0
        # Before the query runs: a statement that fails meanwhile would end it.
        self._declarations = [] if parameters else self._ask_declarations(sql)
        # Both runs read the same state of the database.
        with suppress(Exception):
            self.connection.execute("begin")

    def _ask_declarations(self, sql: str) -> list[str]:
        """Return the declared types of a query's columns. The driver hides them, but a view of the query has them."""
        declarations: list[str] = []
        with suppress(Exception):
            self.connection.execute(f"create temp view heap_types as {sql}")
            try:
                columns = self.connection.execute("pragma temp.table_info(heap_types)").fetchall()
                declarations = [str(column[2]).lower() for column in columns]
            finally:
                self.connection.execute("drop view temp.heap_types")
        return declarations

    def fetch(self, cursor: Any, size: int) -> Chunk:
        """Return the next rows; a text that is not UTF-8 is unreadable. Parameters: see :class:`Driver`."""
        try:
            rows: Chunk = cursor.fetchmany(size)
        except Exception as error:
            if type(error).__name__ != "OperationalError" or "decode to UTF-8" not in str(error):
                raise
            rows = self._fetch_again(cursor, size)
        self._fetched += len(rows)
        return rows

    def _fetch_again(self, cursor: Any, size: int) -> Chunk:
        """Run the query once more, with texts decoded in Python, and return the rows after those that were fetched."""
        if _CHANGING.search(self._query[0]):
            raise ModelError(
                "A text of the model is not UTF-8, SQLite's encoding, and the query is not the same when it is run "
                "again. Convert the text in the query, for example with cast(... as blob) and hex()."
            )
        self.connection.text_factory = _decode
        cursor.execute(*self._query)
        left = self._fetched
        while left and (skipped := cursor.fetchmany(min(left, size))):
            left -= len(skipped)
        rows: Chunk = cursor.fetchmany(size)
        return rows

    def types(self, cursor: Any) -> list[str | None]:
        """Return JSON for columns that are declared so; other declarations promise nothing. See :class:`Driver`."""
        if len(self._declarations) != len(cursor.description):
            return [None] * len(cursor.description)
        return ["json" if declaration == "json" else None for declaration in self._declarations]

    def converters(self, cursor: Any, types: Sequence[str | None]) -> dict[int, ConvertColumn]:
        """Decode the columns of JSON. Parameters: see :class:`Driver`."""
        return {place: decode_json for place, name in enumerate(types) if name == "json"}


def _decode(text: bytes) -> Any:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return UnreadableValue("text that is not UTF-8", repr(text)[2:-1])
