"""
Drivers of PostgreSQL.

They fetch a whole result at once unless the cursor has a name, and lives in the server. PostgreSQL has moments that
Python has not, and psycopg raises for them in the middle of a fetch, psycopg2 takes infinity for the year 9999.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any
from uuid import uuid4

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models.base import Chunk
from airflow_provider_heap.models.drivers.base import ConvertColumn, Driver
from airflow_provider_heap.sync.mapping.unreadable import UnreadableValue

#: libpq's code of a result with rows.
_TUPLES_OK = 2
_INFINITY = frozenset({"infinity", "-infinity"})
#: The encoding that says nothing of any text.
_NO_ENCODING = frozenset({"SQL_ASCII", "SQLASCII"})
#: Types of moments and durations: the type, its array, and what reads it in psycopg2.
_MOMENTS = (
    (1082, 1182, "PYDATE"),  # date
    (1083, 1183, "PYTIME"),  # time
    (1266, 1270, "PYTIME"),  # timetz
    (1114, 1115, "PYDATETIME"),  # timestamp
    (1184, 1185, "PYDATETIMETZ"),  # timestamptz
    (1186, 1187, "PYINTERVAL"),  # interval
)
#: Ranges of them.
_RANGES = (3908, 3910, 3912)
_TEXTS = ("text", "varchar", "bpchar", "name")
#: Elements of an array's text: in quotes, bare, or a brace.
_ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^{},"]+)|([{}])')


class PostgresDriver(Driver):
    """What both have in common."""

    def fetch_size(self, wanted: int) -> int:
        """Return what the user wants: each fetch goes to the server. Parameters: see :class:`Driver`."""
        return wanted

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """Open a cursor in the server."""
        with closing(self.connection.cursor(name=f"heap_sync_{uuid4().hex}")) as cursor:
            yield cursor

    def prepare(self, sql: str, parameters: Any) -> None:
        """Have values read that Python or the connection can't hold. Parameters: see :class:`Driver`."""
        if self._has_no_encoding():
            if not f"{sql}{parameters}".isascii():
                raise ModelError(
                    "The connection's encoding is SQL_ASCII, and the query has other characters than ASCII. Set "
                    '{"client_encoding": "UTF8"} in the extra of the connection.'
                )
            self._read_texts_as_utf8()

    def converters(self, cursor: Any, types: Sequence[str | None]) -> dict[int, ConvertColumn]:
        """Make lists of arrays that the driver does not know. Parameters: see :class:`Driver`."""
        return {
            place: array_texts_to_lists for place, name in enumerate(types) if name is not None and name.endswith("[]")
        }

    def _has_no_encoding(self) -> bool:
        raise NotImplementedError

    def _read_texts_as_utf8(self) -> None:
        raise NotImplementedError

    def _names(self, codes: Sequence[int]) -> dict[int, str]:
        """Ask the database for the names of types."""
        with closing(self._plain_cursor()) as cursor:
            cursor.execute("select oid, format_type(oid, null) from pg_type where oid = any(%s)", (list(codes),))
            return dict(cursor.fetchall())

    def _plain_cursor(self) -> Any:
        """Return a cursor that is not in the server, whose rows are tuples, whatever the connection says."""
        raise NotImplementedError


class Psycopg(PostgresDriver):
    """psycopg 3."""

    def fetch(self, cursor: Any, size: int) -> Chunk:
        """Return the next rows; what can't be read is put in their place. Parameters: see :class:`Driver`."""
        try:
            rows: Chunk = cursor.fetchmany(size)
        except Exception as error:
            page = cursor.pgresult
            # Only an error of reading values leaves a page that is there.
            if getattr(error, "sqlstate", None) or page is None or page.status != _TUPLES_OK or not page.ntuples:
                raise
            rows = _read_page(cursor, page)
        return rows

    def prepare(self, sql: str, parameters: Any) -> None:
        """Have values read that Python or the connection can't hold. Parameters: see :class:`Driver`."""
        from psycopg.types.datetime import IntervalLoader

        super().prepare(sql, parameters)
        # The one in C takes 9,999,999 years for a negative duration.
        self.connection.adapters.register_loader("interval", _tolerant(IntervalLoader))

    def types(self, cursor: Any) -> list[str | None]:
        """Return the types. Parameters: see :class:`Driver`."""
        known = cursor.adapters.types
        unknown = [column.type_code for column in cursor.description if known.get(column.type_code) is None]
        names = self._names(unknown) if unknown else {}
        return [names.get(column.type_code) or str(column.type_display) for column in cursor.description]

    def converters(self, cursor: Any, types: Sequence[str | None]) -> dict[int, ConvertColumn]:
        """Make lists of arrays that the driver does not know. Parameters: see :class:`Driver`."""
        known = cursor.adapters.types
        unknown = {place for place, column in enumerate(cursor.description) if known.get(column.type_code) is None}
        return {place: convert for place, convert in super().converters(cursor, types).items() if place in unknown}

    def _plain_cursor(self) -> Any:
        from psycopg.rows import tuple_row

        return self.connection.cursor(row_factory=tuple_row)

    def _has_no_encoding(self) -> bool:
        return self.connection.info.parameter_status("client_encoding") in _NO_ENCODING

    def _read_texts_as_utf8(self) -> None:
        from psycopg.adapt import Loader

        class Utf8Loader(Loader):
            """Reads a text, or says that it is none."""

            def load(self, data: Any) -> Any:
                try:
                    return bytes(data).decode()
                except UnicodeDecodeError:
                    return UnreadableValue("text that is not UTF-8", repr(bytes(data))[2:-1])

        adapters = self.connection.adapters
        for name in (*_TEXTS, 0):  # 0 is any type that the driver does not know
            adapters.register_loader(name, Utf8Loader)


class _Context:
    """Where psycopg looks for what reads a value: tolerant of moments that Python has not."""

    def __init__(self, cursor: Any) -> None:
        from psycopg.adapt import AdaptersMap
        from psycopg.pq import Format

        self.connection = cursor.connection
        self.adapters = AdaptersMap(cursor.adapters)
        for oid, _, _ in _MOMENTS:
            self.adapters.register_loader(oid, _tolerant(cursor.adapters.get_loader(oid, Format.TEXT)))


def _tolerant(strict_class: Any) -> Any:
    """Return a class of loaders that read what they can, with loaders of another class."""
    from psycopg.adapt import Loader

    class TolerantLoader(Loader):
        """Reads a moment as psycopg does; what it can't read is null when it is infinity, else unreadable."""

        def __init__(self, oid: int, context: Any = None) -> None:
            super().__init__(oid, context)
            self._strict = strict_class(oid, context)

        def load(self, data: Any) -> Any:
            try:
                return self._strict.load(data)
            except Exception:
                return _unreadable(bytes(data))

    return TolerantLoader


def _read_page(cursor: Any, page: Any) -> Chunk:
    """Read the values of a page one by one."""
    from psycopg.adapt import Transformer
    from psycopg.pq import Format

    strict, tolerant = Transformer(cursor), Transformer(_Context(cursor))
    types = cursor.adapters.types
    columns = []
    for place in range(page.nfields):
        oid = page.ftype(place)
        is_range = type(types.get(oid)).__name__ in ("RangeInfo", "MultirangeInfo")
        load = strict.get_loader(oid, Format.TEXT).load
        # A bound of a range that Python has not is part of its text.
        retry = _text if is_range else tolerant.get_loader(oid, Format.TEXT).load
        columns.append([_load(page.get_value(row, place), load, retry) for row in range(page.ntuples)])
    return list(zip(*columns, strict=True))


def _load(data: bytes | None, load: Callable[[bytes], Any], retry: Callable[[bytes], Any]) -> Any:
    if data is None:
        return None
    try:
        return load(data)
    except Exception:
        try:
            return retry(data)
        except Exception:
            return _unreadable(data)


def _text(data: bytes) -> str:
    return bytes(data).decode(errors="replace")


def _unreadable(data: bytes) -> UnreadableValue | None:
    text = _text(data)
    return None if text in _INFINITY else UnreadableValue("value that Python cannot hold", text)


class Psycopg2(PostgresDriver):
    """psycopg 2."""

    def prepare(self, sql: str, parameters: Any) -> None:
        """Have values read that Python or the connection can't hold. Parameters: see :class:`Driver`."""
        from psycopg2 import extensions

        self._recode = False
        super().prepare(sql, parameters)
        for oid, array_oid, reader in _MOMENTS:
            moment = extensions.new_type((oid,), reader, _cast_with(getattr(extensions, reader)))
            extensions.register_type(moment, self.connection)
            extensions.register_type(extensions.new_array_type((array_oid,), f"{reader}[]", moment), self.connection)
        ranges = extensions.new_type(_RANGES, "range", lambda text, cursor: text)
        extensions.register_type(ranges, self.connection)

    def columns(self, cursor: Any) -> list[str]:
        """Return the names of the columns. Parameters: see :class:`Driver`."""
        names = super().columns(cursor)
        return list(map(_recoded, names)) if self._recode else names

    def types(self, cursor: Any) -> list[str | None]:
        """Return the types. Parameters: see :class:`Driver`."""
        from psycopg2.extensions import string_types

        codes = [column.type_code for column in cursor.description]
        unknown = [code for code in codes if code not in string_types]
        names = {code: known.name.lower() for code, known in string_types.items()}
        names |= self._names(unknown) if unknown else {}
        return [names.get(code) for code in codes]

    def converters(self, cursor: Any, types: Sequence[str | None]) -> dict[int, ConvertColumn]:
        """Make lists of arrays that the driver does not know. Parameters: see :class:`Driver`."""
        converters = super().converters(cursor, types)
        if not self._recode:
            return converters
        return {place: _after_recoding(converters.get(place, list)) for place in range(len(types))}

    def _plain_cursor(self) -> Any:
        from psycopg2.extensions import cursor

        return self.connection.cursor(cursor_factory=cursor)

    def _has_no_encoding(self) -> bool:
        return self.connection.encoding in _NO_ENCODING

    def _read_texts_as_utf8(self) -> None:
        # A character for each byte, whatever it is.
        self.connection.set_client_encoding("LATIN1")
        self._recode = True


def _cast_with(read: Any) -> Callable[[str | None, Any], Any]:
    def cast(text: str | None, cursor: Any) -> Any:
        if text is None or text in _INFINITY:
            return None
        try:
            if text.startswith("24:"):  # which psycopg2 takes for the beginning of the same day
                raise ValueError
            return read(text, cursor)
        except Exception:
            return UnreadableValue("value that Python cannot hold", text)

    return cast


def _after_recoding(convert: ConvertColumn) -> ConvertColumn:
    return lambda values: convert(list(map(_recoded, values)))


def _recoded(value: Any) -> Any:
    """Return a value with each text that was taken for Latin-1 read as UTF-8."""
    if isinstance(value, str):
        data = value.encode("latin-1")
        try:
            return data.decode()
        except UnicodeDecodeError:
            return UnreadableValue("text that is not UTF-8", repr(data)[2:-1])
    if isinstance(value, list):
        return list(map(_recoded, value))
    if isinstance(value, dict):
        return {_recoded(key): _recoded(inner) for key, inner in value.items()}
    return value


def array_texts_to_lists(values: Sequence[Any]) -> list[Any]:
    """
    Make lists of arrays.

    :param values: texts of arrays, as PostgreSQL prints them, or what the driver made of them.
    """
    return [_to_list(value) if value.__class__ is str else value for value in values]


def _to_list(text: str) -> Any:
    if not text.startswith(("{", "[")):
        return text
    outer: list[Any] = []
    stack = [outer]
    # Before the braces are the bounds of an array that does not begin at 1.
    for quoted, bare, brace in _ELEMENT.findall(text[text.index("{") :]):
        if brace == "{":
            inner: list[Any] = []
            stack[-1].append(inner)
            stack.append(inner)
        elif brace == "}":
            stack.pop()
        else:
            stack[-1].append(None if bare.upper() == "NULL" else bare or re.sub(r"\\(.)", r"\1", quoted))
    return outer[0]
