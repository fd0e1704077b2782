"""
Drivers of MySQL and MariaDB.

They fetch a whole result at once unless set otherwise. BIT, SET and JSON arrive differently through each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models.drivers.base import ConvertColumn, Driver
from airflow_provider_heap.models.drivers.conversions import (
    bits_to_integers,
    decode_json,
    decode_likely_json,
    set_texts_to_lists,
)
from airflow_provider_heap.models.parameters import Escape, unescaped

#: Codes of types, and flags of columns, in the protocol.
_TIMESTAMP, _DATETIME, _BIT, _JSON, _BLOB = 7, 12, 16, 245, 252
#: Their names, whatever the client says.
_NAMES = {_TIMESTAMP: "datetime", _DATETIME: "datetime", _BIT: "bit", _JSON: "json"}
_BINARY_FLAG, _SET_FLAG = 128, 2048
#: Character set of bytes.
_BINARY_CHARSET = 63
#: Bytes that a LONGTEXT may have, of which JSON is a kind in MariaDB.
_LONG = frozenset({-1, 4294967295})
_CONVERSIONS: dict[str | None, ConvertColumn] = {
    "bit": bits_to_integers,
    "set": set_texts_to_lists,
    "json": decode_json,
}


class MySqlDriver(Driver):
    """What the drivers have in common."""

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """Open an unbuffered cursor. It ends with its connection: closing it would first read all rows left."""
        yield self._unbuffered_cursor()

    def types(self, cursor: Any) -> list[str | None]:
        """Return the types. Parameters: see :class:`Driver`."""
        return [self._type(cursor, place, column) for place, column in enumerate(cursor.description)]

    def converters(self, cursor: Any, types: Sequence[str | None]) -> dict[int, ConvertColumn]:
        """Convert BIT, SET and JSON. Parameters: see :class:`Driver`."""
        converters: dict[int, ConvertColumn] = {
            place: _CONVERSIONS[name] for place, name in enumerate(types) if name in _CONVERSIONS
        }
        for place, column in enumerate(cursor.description):
            if place not in converters and self._is_json_of_mariadb(cursor, place, column):
                converters[place] = decode_likely_json
        return converters

    def _unbuffered_cursor(self) -> Any:
        raise NotImplementedError

    def _flags(self, cursor: Any, place: int) -> int | None:
        """Return the flags of a column; None when the driver hides them."""
        raise NotImplementedError

    def _is_text(self, cursor: Any, place: int) -> bool | None:
        """Return whether a column is of text, not of bytes; None when the driver hides it."""
        flags = self._flags(cursor, place)
        return None if flags is None else not flags & _BINARY_FLAG

    def _type(self, cursor: Any, place: int, column: Sequence[Any]) -> str | None:
        if column[1] in _NAMES:
            return _NAMES[column[1]]
        if (self._flags(cursor, place) or 0) & _SET_FLAG:
            return "set"
        kind = self.type_name(column[1])
        if kind == "binary":  # TEXT and BLOB have one code
            is_text = self._is_text(cursor, place)
            return None if is_text is None else "string" if is_text else "binary"
        return kind

    def _is_json_of_mariadb(self, cursor: Any, place: int, column: Sequence[Any]) -> bool:
        """
        Return whether a column is what JSON is in MariaDB: a LONGTEXT that is compared byte by byte.

        No driver says that it is JSON (https://mariadb.com/docs/server/reference/data-types/string-data-types/json).
        """
        flags = self._flags(cursor, place)
        return (
            column[1] == _BLOB
            and flags is not None
            and bool(flags & _BINARY_FLAG)
            and column[3] in (None, *_LONG)
            and "mariadb" in str(self._server_version()).lower()
        )

    def _server_version(self) -> str:
        version: str = self.connection.get_server_info()
        return version


class MySqlClient(MySqlDriver):
    """mysqlclient."""

    def _unbuffered_cursor(self) -> Any:
        return self.connection.cursor(import_module("MySQLdb.cursors").SSCursor)

    def _flags(self, cursor: Any, place: int) -> int | None:
        flags: int = cursor.description_flags[place]
        return flags

    def _is_text(self, cursor: Any, place: int) -> bool | None:
        # A text that is compared byte by byte has the flag of bytes: as JSON of MariaDB has.
        if self._is_json_of_mariadb(cursor, place, cursor.description[place]):
            return None
        return super()._is_text(cursor, place)


class PyMySql(MySqlDriver):
    """PyMySQL."""

    def _unbuffered_cursor(self) -> Any:
        return self.connection.cursor(import_module("pymysql.cursors").SSCursor)

    def _flags(self, cursor: Any, place: int) -> int | None:
        fields = getattr(getattr(cursor, "_result", None), "fields", None)
        return None if fields is None else fields[place].flags

    def _is_text(self, cursor: Any, place: int) -> bool | None:
        fields = getattr(getattr(cursor, "_result", None), "fields", None)
        return None if fields is None else fields[place].charsetnr != _BINARY_CHARSET


class MySqlConnector(MySqlDriver):
    """mysql-connector-python. It makes a Python set of a SET, which has no order."""

    def prepare(self, sql: str, parameters: Any) -> None:
        """Have a SET handed over as a list. Parameters: see :class:`Driver`."""
        from mysql.connector.conversion import MySQLConverter

        class Converter(MySQLConverter):
            """MySQL's own, but for SET."""

            def _set_to_python(self, value: Any, dsc: Any = None) -> Any:
                return bytes(value).decode(self.charset or "utf8")

        self._converter_class = Converter

    def escape(self, sql: str, parameters: Any) -> Escape:
        """Return what writes SQL around a query; the driver does not know ``%%``. Parameters: see :class:`Driver`."""
        if not parameters:
            return unescaped
        return _percents_as_parameters if isinstance(parameters, Mapping) else _refuse_placeholders

    def converters(self, cursor: Any, types: Sequence[str | None]) -> dict[int, ConvertColumn]:
        """Convert SET and JSON. Parameters: see :class:`Driver`."""
        if "set" in types:
            # The C extension then leaves all conversions to it, at a cost: so only where there is a SET.
            self.connection.converter_class = self._converter_class
        return super().converters(cursor, types)

    def _unbuffered_cursor(self) -> Any:
        return self.connection.cursor(buffered=False)

    def _flags(self, cursor: Any, place: int) -> int | None:
        flags: int = cursor.description[place][7]
        return flags

    def _is_text(self, cursor: Any, place: int) -> bool | None:
        column = cursor.description[place]
        return len(column) < 9 or column[8] != _BINARY_CHARSET

    def _is_json_of_mariadb(self, cursor: Any, place: int, column: Sequence[Any]) -> bool:
        return super()._is_json_of_mariadb(cursor, place, column) and bool(self._is_text(cursor, place))

    def _server_version(self) -> str:
        version = getattr(self.connection, "server_info", None) or self.connection.get_server_info()
        return str(version)


def _percents_as_parameters(sql: str) -> str:
    """Return SQL for a dict of parameters, in which the driver makes a percent sign of ``%(any name)%``."""
    return sql.replace("%", "%(percent)%")


def _refuse_placeholders(sql: str) -> str:
    """
    Return SQL for a list of parameters.

    :raises ModelError: when the driver would take a part of it for one of them.
    """
    if "%s" in sql:
        raise ModelError(
            "mysql-connector-python takes the %s in a column's name for one of the parameters: give the column an "
            "alias in the query, or give the parameters as a dict."
        )
    return sql
