"""
From a database column to a field of Heap's items: keys, names and timestamps, all of them text.

A value that can't be that field makes its row invalid. The reason's code is the field's name and what is wrong with it,
``identity_null`` for example.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime
from datetime import time as clock
from decimal import Decimal
from numbers import Integral, Real
from typing import Any
from uuid import UUID

from airflow_provider_heap.api.objects import MAX_INTEGER, Field, FieldKind
from airflow_provider_heap.sync.mapping.row_errors import RowErrors
from airflow_provider_heap.sync.mapping.values import Converter, utf16_length

#: Far beyond the longest key; it only spares the digits of a Decimal like 1E+999999.
MAX_DIGITS = 1000

#: The 5th, 8th and 11th character of a timestamp's text. Python also reads bare digits as a date, but those may as well
#: be seconds, and it takes any character between date and time.
_SEPARATORS = frozenset({"--T", "-- ", "--"})


class InvalidFieldValue(Exception):
    """
    A value that cannot be this field.

    :param reason: what is wrong, as it ends the reason's code.
    """


def texts(
    field: Field, values: Sequence[Any], converter: Converter, required: bool, faults: RowErrors
) -> list[str | None]:
    """
    Turn a column into a field.

    :param field: the field.
    :param values: one value a row, as the database returned them.
    :param converter: knows the time zone of timestamps that carry none.
    :param required: a null makes the row invalid; else the field is left out.
    :param faults: takes the rows that are invalid; an earlier fault of a row stays.
    :return: one text a row; None where the field is left out or the row is invalid.
    """
    read = _READERS[field.kind](converter)
    kinds = set(map(type, values))
    if field.kind is FieldKind.TIMESTAMP:
        moments = _moments(values, kinds)
        if moments is None:
            return _read_each(field, values, read, required, faults)
        return [*converter.moments(moments)]
    plain = _plain(values, kinds)
    found: list[str | None] = [*plain] if plain is not None else _read_each(field, values, read, required, faults)
    # Half of the limit in characters can't be over it in UTF-16 units.
    if plain is None or max(map(len, plain)) * 2 > field.max_length or not all(map(str.strip, plain)):
        _check_lengths(field, found, required, faults)
    if field.kind is FieldKind.USER_ID:
        _check_user_ids(field, found, faults)
    return found


def _moments(values: Sequence[Any], kinds: set[type]) -> Sequence[datetime] | None:
    """Read a column that is all datetimes, or all sound text; None when it has to be read value by value."""
    if kinds == {datetime}:
        return values
    if kinds != {str} or not {text[4:11:3] for text in values} <= _SEPARATORS:
        return None
    try:
        return list(map(datetime.fromisoformat, values))
    except ValueError:
        return None


def _plain(values: Sequence[Any], kinds: set[type]) -> Sequence[str] | None:
    """Read a column of keys that is all texts, integers or UUIDs; None when it has to be read value by value."""
    if kinds == {str}:
        return values
    if kinds == {UUID} or (kinds == {int} and min(values) >= -MAX_INTEGER and max(values) <= MAX_INTEGER):
        return list(map(str, values))
    return None


def _read_each(
    field: Field, values: Sequence[Any], read: Callable[[Any], str | None], required: bool, faults: RowErrors
) -> list[str | None]:
    found: list[str | None] = []
    for row, value in enumerate(values):
        try:
            text = None if value is None else read(value)
            if text is None and required:
                raise InvalidFieldValue("null")
        except InvalidFieldValue as unfit:
            faults.add(row, f"{field.name}_{unfit}")
            text = None
        found.append(text)
    return found


def _check_lengths(field: Field, found: list[str | None], required: bool, faults: RowErrors) -> None:
    for row, text in enumerate(found):
        if text is None:
            continue
        if not text or text.isspace():
            found[row] = None
            if required:
                faults.add(row, f"{field.name}_blank")
        elif utf16_length(text) > field.max_length:
            found[row] = None
            faults.add(row, f"{field.name}_too_long")


def _check_user_ids(field: Field, found: list[str | None], faults: RowErrors) -> None:
    for row, text in enumerate(found):
        if text is not None and not (text.isascii() and text.isdigit() and int(text) <= MAX_INTEGER):
            found[row] = None
            faults.add(row, f"{field.name}_type")


def _reader_of_keys(converter: Converter) -> Callable[[Any], str | None]:
    def read(value: Any) -> str | None:
        # A bool is an int to Python, and a datetime a date: the narrow one comes first.
        match value:
            case str():
                return str.__str__(value)
            case bool():
                raise InvalidFieldValue("type")
            case Integral() | Real() | Decimal():
                return _digits(value)
            case UUID():
                return str(value)
            case datetime():
                return converter.moment(value)
            case date():
                return date.isoformat(value)
            case _:
                raise InvalidFieldValue("type")

    return read


def _digits(value: Any) -> str | None:
    """Write a number that has no fraction; what JSON calls null is null here too."""
    if not isinstance(value, Integral):
        if not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
            return None
        if isinstance(value, Decimal) and value.adjusted() > MAX_DIGITS:
            raise InvalidFieldValue("too_long")
        if value != int(value):
            raise InvalidFieldValue("type")
    try:
        return str(int(value))
    except ValueError:  # Python writes no integer of more than some thousand digits
        raise InvalidFieldValue("too_long") from None


def _reader_of_timestamps(converter: Converter) -> Callable[[Any], str | None]:
    moment, midnight = converter.moment, clock()

    def read(value: Any) -> str | None:
        if isinstance(value, str):
            if not value or value.isspace():
                return None
            text = value.strip()
            if text[4:11:3] not in _SEPARATORS:
                raise InvalidFieldValue("unreadable")
            try:
                return moment(datetime.fromisoformat(text))
            except ValueError:
                raise InvalidFieldValue("unreadable") from None
        if isinstance(value, datetime):
            return moment(value)
        if isinstance(value, date):
            return moment(datetime.combine(value, midnight))
        raise InvalidFieldValue("unreadable")

    return read


_READERS: dict[FieldKind, Callable[[Converter], Callable[[Any], str | None]]] = {
    FieldKind.KEY: _reader_of_keys,
    FieldKind.USER_ID: _reader_of_keys,
    FieldKind.NAME: _reader_of_keys,
    FieldKind.TIMESTAMP: _reader_of_timestamps,
}
