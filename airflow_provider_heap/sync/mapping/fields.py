"""
From a database column to a field of Heap's items: keys, names and timestamps, all of them text.

A value that cannot be that field makes its row invalid. The reason code is the field's name and what is wrong with the
value: a field's name and ``_null``, for example.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from numbers import Integral, Real
from typing import Any
from uuid import UUID

from airflow_provider_heap.api.objects import MAX_INTEGER, Field, FieldKind
from airflow_provider_heap.sync.mapping.columns import Column
from airflow_provider_heap.sync.mapping.python_values import to_python_column
from airflow_provider_heap.sync.mapping.row_errors import RowErrors
from airflow_provider_heap.sync.mapping.texts import utf16_length
from airflow_provider_heap.sync.mapping.unreadable import UNREADABLE_VALUE, UnreadableValue
from airflow_provider_heap.sync.mapping.values import Converter

#: Far more digits than the longest key has; a Decimal like 1E+999999 is not written out.
MAX_DIGITS = 1000

#: The 5th, 8th and 11th character of a timestamp's text. Python also reads bare digits as a date, but those may as well
#: be seconds, and it takes any character between date and time.
_SEPARATORS = frozenset({"--T", "-- ", "--"})

_MIDNIGHT = time()

#: What the log says of a number as a timestamp: whether it counts seconds, milliseconds or days is not known.
_NUMBER = "is a number; convert it in the query, for example to_timestamp(...)"


class InvalidFieldValue(Exception):
    """
    A value that cannot be this field.

    :param problem: what is wrong, as it ends the reason code.
    :param detail: what is wrong, for the log: a type or a limit, never the value.
    """

    def __init__(self, problem: str, detail: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.detail = detail


def convert_field(
    field: Field, values: Column, converter: Converter, required: bool, errors: RowErrors, column: str | None
) -> list[str | None]:
    """
    Convert a column to a field.

    :param field: the field.
    :param values: one value a row, as the database returned them.
    :param converter: knows the time zone of timestamps that carry none.
    :param required: a null makes the row invalid; else the field is left out.
    :param errors: receives the rows that are invalid; an earlier error of a row stays.
    :param column: name of the column, for the errors.
    :return: one text a row; None where the field is left out or the row is invalid.
    """
    convert = _CONVERTERS[field.kind](converter)
    values, types = to_python_column(values)
    row_errors = _FieldErrors(field, errors, column)
    if field.kind is FieldKind.TIMESTAMP:
        timestamps = _fast_timestamps(values, types)
        if timestamps is None:
            return _convert_each(values, convert, required, row_errors)
        return [*converter.to_iso_column(timestamps)]
    keys = _fast_keys(values, types)
    texts: list[str | None] = [*keys] if keys is not None else _convert_each(values, convert, required, row_errors)
    # Half of the limit in characters can't be over it in UTF-16 units.
    if keys is None or max(map(len, keys)) * 2 > field.max_length or not all(map(str.strip, keys)):
        _check_lengths(texts, field.max_length, required, row_errors)
    if field.kind is FieldKind.USER_ID:
        _check_user_ids(texts, row_errors)
    return texts


class _FieldErrors:
    """Adds the errors of one field."""

    def __init__(self, field: Field, errors: RowErrors, column: str | None) -> None:
        self._field = field
        self._errors = errors
        self._column = column

    def add(self, row: int, problem: str, detail: str | None = None) -> None:
        self._errors.add(row, f"{self._field.name}_{problem}", self._column, detail)

    def add_unreadable(self, row: int, detail: str) -> None:
        self._errors.add(row, UNREADABLE_VALUE, self._column, detail)


def _fast_timestamps(values: Column, types: set[type]) -> Sequence[datetime] | None:
    """Return a column that is all datetimes, or all texts of one form; None when each value has to be looked at."""
    if types == {datetime}:
        return values
    if types != {str} or not {text[4:11:3] for text in values} <= _SEPARATORS:
        return None
    try:
        return list(map(datetime.fromisoformat, values))
    except ValueError:
        return None


def _fast_keys(values: Column, types: set[type]) -> Sequence[str] | None:
    """Return a column that is all texts, integers or UUIDs as texts; None when each value has to be looked at."""
    if types == {str}:
        return values
    if types == {UUID} or (types == {int} and min(values) >= -MAX_INTEGER and max(values) <= MAX_INTEGER):
        return list(map(str, values))
    return None


def _convert_each(
    values: Column, convert: Callable[[Any], str | None], required: bool, errors: _FieldErrors
) -> list[str | None]:
    texts: list[str | None] = []
    for row, value in enumerate(values):
        if isinstance(value, UnreadableValue):
            errors.add_unreadable(row, value.detail)
            texts.append(None)
            continue
        try:
            text = None if value is None else convert(value)
            if text is None and required:
                raise InvalidFieldValue("null")
        except InvalidFieldValue as error:
            errors.add(row, error.problem, error.detail)
            text = None
        texts.append(text)
    return texts


def _check_lengths(texts: list[str | None], max_length: int, required: bool, errors: _FieldErrors) -> None:
    for row, text in enumerate(texts):
        if text is None:
            continue
        if not text or text.isspace():
            texts[row] = None
            if required:
                errors.add(row, "blank")
        elif utf16_length(text) > max_length:
            texts[row] = None
            errors.add(row, "too_long")


def _check_user_ids(texts: list[str | None], errors: _FieldErrors) -> None:
    for row, text in enumerate(texts):
        if text is not None and not (text.isascii() and text.isdigit() and int(text) <= MAX_INTEGER):
            texts[row] = None
            errors.add(row, "type")


def _key_converter(converter: Converter) -> Callable[[Any], str | None]:
    def convert(value: Any) -> str | None:
        # A bool is an int to Python, and a datetime a date: the narrow one comes first.
        match value:
            case str():
                return str.__str__(value)
            case bool():
                raise InvalidFieldValue("type", "type bool")
            case Integral() | Real() | Decimal():
                return _integral_text(value)
            case UUID():
                return str(value)
            case datetime():
                return converter.to_iso(value)
            case date():
                return date.isoformat(value)
            case _:
                raise InvalidFieldValue("type", f"type {type(value).__qualname__}")

    return convert


def _integral_text(value: Any) -> str | None:
    """Return the digits of a number that has no fraction; None for NaN and infinities."""
    if not isinstance(value, Integral):
        if not _is_finite(value):
            return None
        if isinstance(value, Decimal) and value.adjusted() > MAX_DIGITS:
            raise InvalidFieldValue("too_long")
        if value != int(value):
            raise InvalidFieldValue("type", "number with a fraction")
    try:
        return str(int(value))
    except ValueError:  # Python writes no integer of more than some thousand digits
        raise InvalidFieldValue("too_long") from None


def _is_finite(value: Any) -> bool:
    return value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)


def _timestamp_converter(converter: Converter) -> Callable[[Any], str | None]:
    def convert(value: Any) -> str | None:
        match value:
            case str():
                return converter.to_iso(_parse_timestamp(value.strip())) if value and not value.isspace() else None
            case datetime():
                return converter.to_iso(value)
            case date():
                return converter.to_iso(datetime.combine(value, _MIDNIGHT))
            case Real() | Decimal():
                if not _is_finite(value):
                    return None
                raise InvalidFieldValue("unreadable", _NUMBER)
            case _:
                raise InvalidFieldValue("unreadable", f"type {type(value).__qualname__}")

    return convert


def _parse_timestamp(text: str) -> datetime:
    if text.replace(".", "", 1).isdigit():
        raise InvalidFieldValue("unreadable", _NUMBER)
    try:
        if text[4:11:3] in _SEPARATORS:
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidFieldValue("unreadable", "not ISO 8601; convert it in the query")


_CONVERTERS: dict[FieldKind, Callable[[Converter], Callable[[Any], str | None]]] = {
    FieldKind.KEY: _key_converter,
    FieldKind.USER_ID: _key_converter,
    FieldKind.NAME: _key_converter,
    FieldKind.TIMESTAMP: _timestamp_converter,
}
