"""
PyHive: Hive, and Spark's Thrift server, which speaks Hive's protocol.

Both hand ARRAY, MAP and STRUCT over as texts. Hive's are JSON. Spark's only look like it: nothing is escaped, and only
texts are quoted, so that moments, dates and keys that are numbers stand as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

import msgspec

from airflow_provider_heap.models.drivers.base import ConvertColumn
from airflow_provider_heap.models.drivers.warehouses import NamedTypesDriver
from airflow_provider_heap.sync.mapping.unreadable import UnreadableValue

#: What ends an element of a container.
_CLOSES = frozenset(",]}")
#: What is written without quotes, and how it is read. Anything else is binary, which has no JSON form, or an interval.
_BARE: tuple[tuple[re.Pattern[str], Any], ...] = (
    (re.compile("null"), lambda text: None),
    (re.compile("true|false"), lambda text: text == "true"),
    (re.compile(r"-?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?"), datetime.fromisoformat),
    (re.compile(r"\d{4}-\d\d-\d\d"), date.fromisoformat),
    (re.compile(r"-?\d+(?:\.\d+)?E-?\d+|NaN|-?Infinity"), float),
    (re.compile(r"-?\d+\.\d+"), Decimal),
    (re.compile(r"-?\d+"), int),
)


class PyHive(NamedTypesDriver):
    """PyHive, for Hive and Spark."""

    def type_name(self, code: Any) -> str | None:
        """Return the name of a type, such as STRUCT for STRUCT_TYPE. Parameters: see :class:`Driver`."""
        return str(code).removesuffix("_TYPE") if code else None

    def converters(self, cursor: Any, types: Sequence[str | None]) -> dict[int, ConvertColumn]:
        """Decode ARRAY, MAP and STRUCT. Parameters: see :class:`Driver`."""
        converters = super().converters(cursor, types)
        if converters and not self._is_hive:
            return dict.fromkeys(converters, decode_spark_texts)
        return converters

    def error_text(self, error: Exception) -> str:
        """Return what the server says, without the trace of its own calls. Parameters: see :class:`Driver`."""
        status = getattr(error.args[0] if error.args else None, "status", None)
        return str(getattr(status, "errorMessage", None) or error).strip()

    @cached_property
    def _is_hive(self) -> bool:
        from TCLIService.ttypes import TGetInfoReq, TGetInfoType

        connection = self.connection
        request = TGetInfoReq(sessionHandle=connection.sessionHandle, infoType=TGetInfoType.CLI_DBMS_NAME)
        # "Apache Hive", "Spark SQL"; other servers of this protocol run Spark too.
        return "hive" in str(connection.client.GetInfo(request).infoValue.stringValue).lower()


def decode_spark_texts(values: Sequence[Any]) -> list[Any]:
    """
    Decode a column of containers as Spark prints them.

    :param values: one value a row.
    """
    return [_decode(value) if value.__class__ is str else value for value in values]


def _number(text: str) -> float | Decimal:
    return float(text) if "E" in text else Decimal(text)


_decode_json = msgspec.json.Decoder(float_hook=_number).decode


def _decode(text: str) -> Any:
    if "\\" not in text:  # which JSON would take for an escape
        try:
            return _decode_json(text)
        except (msgspec.DecodeError, UnicodeEncodeError):
            pass
    try:
        value, end = _read(text, 0)
    except ValueError:
        end = -1
    if end != len(text):
        return UnreadableValue("array, map or struct that Spark prints ambiguously; select its parts", text)
    return value


def _read(text: str, begin: int) -> tuple[Any, int]:
    """Return the value that begins at a position, and where it ends."""
    opening = text[begin : begin + 1]
    if opening == "[":
        return _read_array(text, begin + 1)
    if opening == "{":
        return _read_pairs(text, begin + 1)
    if opening == '"':
        return _read_text(text, begin + 1)
    return _read_bare(text, begin, _CLOSES)


def _read_array(text: str, position: int) -> tuple[list[Any], int]:
    values: list[Any] = []
    while text[position : position + 1] != "]":
        position += _separator(text, position, values)
        value, position = _read(text, position)
        values.append(value)
    return values, position + 1


def _read_pairs(text: str, position: int) -> tuple[dict[Any, Any], int]:
    pairs: dict[Any, Any] = {}
    while text[position : position + 1] != "}":
        position += _separator(text, position, pairs)
        if text[position : position + 1] == '"':
            end = text.index('":', position)
            key, position = text[position + 1 : end], end + 1
        else:
            key, position = _read_bare(text, position, frozenset(":"))
        if text[position : position + 1] != ":":
            raise ValueError
        pairs[key], position = _read(text, position + 1)
    return pairs, position + 1


def _separator(text: str, position: int, container: Sequence[Any] | dict[Any, Any]) -> int:
    """Return the length of what separates an element from the one before."""
    if container and text[position : position + 1] != ",":
        raise ValueError
    return 1 if container else 0


def _read_text(text: str, begin: int) -> tuple[str, int]:
    """Return a text. A quote inside of it is one that nothing follows which could end the text."""
    end = text.index('"', begin)
    while end + 1 < len(text) and text[end + 1] not in _CLOSES:
        end = text.index('"', end + 1)
    return text[begin:end], end + 1


def _read_bare(text: str, begin: int, closes: frozenset[str]) -> tuple[Any, int]:
    for pattern, convert in _BARE:
        match = pattern.match(text, begin)
        if match and (match.end() == len(text) or text[match.end()] in closes):
            return convert(match[0]), match.end()
    raise ValueError
