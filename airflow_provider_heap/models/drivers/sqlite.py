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
        """Remember the query, to run it again if need be. Parameters: see :class:`Driver`."""
        self._query = (sql, parameters or ())
        self._fetched = 0
        # Both runs read the same state of the database.
        with suppress(Exception):
            self.connection.execute("begin")

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
        """
        Return JSON for columns that are declared so. Parameters: see :class:`Driver`.

        The driver says no types, but a view of the query has them; other declarations promise nothing in SQLite.
        """
        sql, parameters = self._query
        declared: list[tuple[Any, ...]] = []
        if not parameters:
            with suppress(Exception):
                self.connection.execute(f"create temp view heap_types as {sql}")
                declared = self.connection.execute("pragma temp.table_info(heap_types)").fetchall()
        if len(declared) != len(cursor.description):
            return [None] * len(cursor.description)
        return ["json" if str(column[2]).lower() == "json" else None for column in declared]

    def converters(self, cursor: Any, types: Sequence[str | None]) -> dict[int, ConvertColumn]:
        """Decode the columns of JSON. Parameters: see :class:`Driver`."""
        return {place: decode_json for place, name in enumerate(types) if name == "json"}


def _decode(text: bytes) -> Any:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return UnreadableValue("text that is not UTF-8", repr(text)[2:-1])
