"""
ClickHouse, through either of its clients. Both fetch a whole result at once unless set otherwise.

A String of ClickHouse may be of any bytes; what is not UTF-8 is unreadable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial
from itertools import chain, islice
from typing import Any
from zoneinfo import ZoneInfo

from airflow_provider_heap.models.base import Chunk
from airflow_provider_heap.models.drivers.base import CACHED_ROWS, ConvertColumn
from airflow_provider_heap.models.drivers.warehouses import NamedTypesDriver
from airflow_provider_heap.models.parameters import Escape, unescaped
from airflow_provider_heap.models.statement import first_word
from airflow_provider_heap.sync.mapping.unreadable import UnreadableValue

#: Types that hold texts, or may.
_WITH_TEXTS = ("String", "JSON", "Dynamic", "Variant", "Object")


class ClickHouse(NamedTypesDriver):
    """What both clients have in common."""

    def converters(self, cursor: Any, types: Sequence[str | None]) -> dict[int, ConvertColumn]:
        """Read texts as UTF-8. Parameters: see :class:`Driver`."""
        return {
            place: partial(_texts, padded="FixedString" in name)
            for place, name in enumerate(types)
            if name and any(word in name for word in _WITH_TEXTS)
        }


class ClickHouseConnect(ClickHouse):
    """clickhouse-connect, of ClickHouse's own and of Airflow's provider."""

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """Open a cursor that streams; the client's own has the whole result."""
        with closing(self.connection.cursor()) as cursor, closing(StreamingCursor(cursor.client)) as streaming:
            yield streaming

    def escape(self, sql: str, parameters: Any) -> Escape:
        """Return what writes SQL around a query; the server reads ``{name:Type}`` itself. See :class:`Driver`."""
        from clickhouse_connect.driver.binding import external_bind_re

        of_server = isinstance(parameters, Mapping) and external_bind_re.search(sql)
        return unescaped if of_server else super().escape(sql, parameters)


class StreamingCursor:
    """
    A cursor that reads blocks of rows as they come.

    :param client: of clickhouse-connect.
    """

    #: Not known before the last row.
    rowcount = -1

    def __init__(self, client: Any) -> None:
        self._client = client
        self._stream: Any = None
        self._rows: Iterator[Any] = iter(())
        self.description: list[tuple[Any, ...]] | None = None

    def execute(self, sql: str, parameters: Any = None) -> None:
        """
        Run a query.

        :param sql: SQL, in which ``%`` is a percent sign when there are no parameters.
        :param parameters: for ``%(name)s``, ``{name:Type}`` or ``%s``.
        """
        formats = {"String": "bytes"}  # else what is not UTF-8 becomes the text of its hexadecimal digits
        # A moment has no time zone of its own here; without this, that would be lost.
        stream = self._client.query_row_block_stream(sql, parameters, query_formats=formats, tz_mode="aware")
        self._stream, result = stream, stream.source
        if not result.column_names and first_word(sql) in ("select", "with"):
            # Without rows, the server sends no columns either.
            result = self._client.query(f"select * from (\n{sql}\n) limit 0", parameters)
        self.description = [
            (name, kind.name, None, None, None, None, None)
            for name, kind in zip(result.column_names, result.column_types, strict=True)
        ]
        self._rows = chain.from_iterable(stream.__enter__())

    def fetchmany(self, size: int) -> Chunk:
        """
        Return the next rows.

        :param size: how many at most.
        """
        return list(islice(self._rows, size))

    def close(self) -> None:
        """End the query."""
        if self._stream is not None:
            self._stream.__exit__(None, None, None)
            self._stream = None


class ClickHouseDriver(ClickHouse):
    """clickhouse-driver, which speaks the native protocol."""

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """Open a cursor that streams."""
        with closing(self.connection.cursor()) as cursor:
            cursor.set_stream_results(True, CACHED_ROWS)
            yield cursor

    def converters(self, cursor: Any, types: Sequence[str | None]) -> dict[int, ConvertColumn]:
        """Read texts as UTF-8, and give moments the server's time zone. Parameters: see :class:`Driver`."""
        zone = ZoneInfo(cursor._client.connection.server_info.get_timezone() or "UTC")
        moments = {
            place: partial(_moments, zone=zone) for place, name in enumerate(types) if name and "DateTime" in name
        }
        return {**super().converters(cursor, types), **moments}


def _texts(values: Sequence[Any], padded: bool) -> list[Any]:
    return [_text(value, padded) for value in values]


def _text(value: Any, padded: bool) -> Any:
    kind = value.__class__
    if kind is bytes:
        try:
            return (value.rstrip(b"\0") if padded else value).decode()
        except UnicodeDecodeError:
            return UnreadableValue("text that is not UTF-8", repr(value)[2:-1])
    if kind is list or kind is tuple:
        return [_text(inner, padded) for inner in value]
    if kind is dict:
        return {_text(key, padded): _text(inner, padded) for key, inner in value.items()}
    return value


def _moments(values: Sequence[Any], zone: ZoneInfo) -> list[Any]:
    return [_moment(value, zone) for value in values]


def _moment(value: Any, zone: ZoneInfo) -> Any:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=zone)
    if isinstance(value, list | tuple):
        return [_moment(inner, zone) for inner in value]
    if isinstance(value, dict):
        return {key: _moment(inner, zone) for key, inner in value.items()}
    return value
