"""
From the values of a database column to values that JSON and Heap can hold, a whole column at a time.

A check of a column in C costs a tenth of a Python ``if`` for each cell. So the first check is always which types a
column holds, and most columns of most chunks need no other.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from operator import eq
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

import pendulum
from msgspec import UnsetType

from airflow_provider_heap.api.objects import MAX_INTEGER
from airflow_provider_heap.sync.mapping.columns import Column
from airflow_provider_heap.sync.mapping.encoder import MISSING, encode_lines
from airflow_provider_heap.sync.mapping.python_values import stands_for_another, to_python
from airflow_provider_heap.sync.mapping.row_errors import NO_JSON_FORM, RowErrors
from airflow_provider_heap.sync.mapping.unreadable import UNREADABLE_VALUE, UnreadableValue
from airflow_provider_heap.wording import did_you_mean

Value = str | int | float | date | UUID | UnsetType | None

#: Types that msgspec already encodes the way Heap needs, but for odd numbers and long texts; and what it leaves out.
_PLAIN = frozenset({str, int, float, type(None), date, UUID, type(MISSING)})
_NULLS = frozenset({type(None), type(MISSING)})
_BOOLS = {True: "true", False: "false"}
_MINUTE = timedelta(minutes=1)


class NotEncodable(Exception):
    """
    A value that cannot be sent.

    :param detail: what is wrong, for the log: a type or a limit, never the value.
    :param reason: reason code of its row.
    """

    def __init__(self, detail: str, reason: str = NO_JSON_FORM) -> None:
        super().__init__(detail)
        self.detail = detail
        self.reason = reason


class Converter:
    """
    Converts values to those that JSON and Heap can hold. For one thread at a time.

    :param timezone: name of the time zone of timestamps that carry none, as in the tz database.
    :raises ValueError: when there is no such zone.
    """

    def __init__(self, timezone: str = "UTC") -> None:
        try:
            self._zone: tzinfo = UTC if timezone == "UTC" else pendulum.timezone(timezone)
        except Exception as error:
            meant = did_you_mean(timezone, available_timezones())
            raise ValueError(f"timezone {timezone!r} is not known: name one of the tz database.{meant}") from error
        self._by_type: dict[type, Callable[[Any], Value]] = {}
        self._by_column_type: dict[type | None, Callable[[Column], Sequence[Value]]] = {
            bool: lambda values: list(map(_BOOLS.__getitem__, values)),
            datetime: self.to_iso_column,
            Decimal: _decimals_to_numbers,
        }

    def to_iso(self, value: datetime) -> str:
        """
        Return a datetime as ISO 8601 with an offset.

        :param value: any datetime; one without an offset is taken to be in the converter's time zone.
        """
        offset = value.utcoffset()
        if offset is None:
            value = value.replace(tzinfo=self._zone)
            offset = value.utcoffset()
        return datetime.isoformat(_with_offset_in_minutes(value) if offset and offset % _MINUTE else value)

    def to_iso_column(self, values: Sequence[datetime]) -> list[str]:
        """
        Convert a column as :meth:`to_iso` converts one value, at a tenth of its cost.

        :param values: datetimes, of no subclass.
        """
        zones: set[tzinfo | None] = {value.tzinfo for value in values}
        if zones == {None}:
            zones, values = {self._zone}, [value.replace(tzinfo=self._zone) for value in values]
        if zones != {UTC}:
            offsets = {value.utcoffset() for value in values}
            if None in offsets or any(offset % _MINUTE for offset in offsets if offset):
                return list(map(self.to_iso, values))
        # msgspec writes UTC as Z where isoformat writes +00:00, and takes offsets for whole minutes.
        return encode_lines(values).decode().replace('Z"', '+00:00"')[1:-2].split('"\n"')

    def convert(self, value: Any) -> Value:
        """
        Convert one value that is neither a dict nor a list.

        :param value: value as the database driver returned it.
        :raises NotEncodable: when it has no JSON form, bytes for example.
        """
        value_type = type(value)
        convert = self._by_type.get(value_type)
        if convert is None:
            convert = self._by_type[value_type] = self._converter_of(value_type)
        return convert(value)

    def convert_column(
        self, values: Column, types: set[type], errors: RowErrors, column: str | None
    ) -> Sequence[Value]:
        """
        Convert a column. The result encodes without an error, but for half a surrogate pair; long texts stay long.

        :param values: one value a row, neither dicts nor lists.
        :param types: their types.
        :param errors: receives the rows whose value has no JSON form; such a value becomes None.
        :param column: name of the column, for the errors.
        """
        if types <= _PLAIN and not _has_odd_number(values, types):
            return values
        present_types = types - _NULLS
        convert = self._by_column_type.get(next(iter(present_types), None))
        if convert is None or len(present_types) > 1:
            return self._convert_each(values, errors, column)
        if present_types == types:
            return convert(values)
        converted = iter(convert([value for value in values if value.__class__ not in _NULLS]))
        return [value if value.__class__ in _NULLS else next(converted) for value in values]

    def _convert_each(self, values: Column, errors: RowErrors, column: str | None) -> list[Value]:
        try:
            return list(map(self.convert, values))
        except NotEncodable:
            pass
        converted: list[Value] = []
        for row, value in enumerate(values):
            try:
                converted.append(self.convert(value))
            except NotEncodable as error:
                errors.add(row, error.reason, column, error.detail)
                converted.append(None)
        return converted

    def _converter_of(self, value_type: type) -> Callable[[Any], Value]:
        if stands_for_another(value_type):
            return lambda value: self.convert(to_python(value))
        # From the narrow to the wide: bool is an int, datetime is a date, and drivers and pandas subclass them all.
        table: tuple[tuple[type, Callable[[Any], Value]], ...] = (
            (type(None), lambda value: None),
            (type(MISSING), lambda value: value),
            (bool, lambda value: "true" if value else "false"),
            (str, str.__str__),
            (numbers.Integral, integer_to_number),
            (Decimal, decimal_to_number),
            (numbers.Real, real_to_number),
            (datetime, self.to_iso),
            (date, date.isoformat),
            (time, time_to_iso),
            (timedelta, to_seconds),
            (UUID, str),
            (UnreadableValue, _refuse_unreadable),
        )
        for base, convert in table:
            if issubclass(value_type, base):
                return convert
        return _refuse


def integer_to_number(value: Any) -> Value:
    """
    Return an integer as a number; as a text when a double does not keep all its digits.

    :param value: any integer.
    :raises NotEncodable: when it has too many digits for Python to write.
    """
    number = int(value)
    if -MAX_INTEGER <= number <= MAX_INTEGER:
        return number
    try:
        return str(number)
    except ValueError:  # Python writes no integer of more than some thousand digits
        raise NotEncodable("integer of thousands of digits") from None


def real_to_number(value: Any) -> Value:
    """
    Return a float; None for NaN and infinities.

    :param value: any real number.
    """
    number = float(value)
    return number if math.isfinite(number) else None


def decimal_to_number(value: Decimal) -> Value:
    """
    Return a number when the shortest text of a double keeps the value, else a text; None for NaN and infinities.

    :param value: any Decimal.
    """
    if not value.is_finite():
        return None
    number = float(value)
    if not math.isfinite(number) or Decimal(repr(number)) != value:
        return str(value)
    # From 1e16 on a double is written with an exponent, below it with a ``.0`` that a whole number should not have.
    return int(value) if value == value.to_integral_value() and abs(number) < 1e16 else number


def time_to_iso(value: time) -> str:
    """
    Return a time of day as ISO 8601, which has no offsets with seconds: such a time becomes UTC.

    :param value: any time, with an offset or without.
    """
    offset = value.utcoffset()
    if offset and offset % _MINUTE:
        value = (datetime.combine(date(2000, 1, 2), value.replace(tzinfo=UTC)) - offset).timetz()
    return value.isoformat()


def to_seconds(value: timedelta) -> Value:
    """
    Return the seconds of a duration, whole ones as an integer.

    :param value: any duration.
    """
    seconds = value.total_seconds()
    return int(seconds) if seconds.is_integer() else seconds


def _decimals_to_numbers(values: Sequence[Decimal]) -> Sequence[Value]:
    """Convert a column as :func:`decimal_to_number` converts one value."""
    try:
        floats = list(map(float, values))
    except (OverflowError, ValueError):  # float() takes no signalling NaN
        return list(map(decimal_to_number, values))
    # Infinities and NaN fail one of the two; so do the numbers that a double writes with an exponent.
    if max(map(abs, floats)) < 1e16 and all(map(eq, map(Decimal, map(repr, floats)), values)):
        return [int(number) if number.is_integer() else number for number in floats]
    return list(map(decimal_to_number, values))


def _has_odd_number(values: Column, types: set[type]) -> bool:
    """Return whether a column of plain types holds an integer or a float that must be converted."""
    if int in types:
        integers = _of_type(int, values, types)
        if min(integers) < -MAX_INTEGER or max(integers) > MAX_INTEGER:
            return True
    # Infinities and NaN do not vanish in a sum.
    return float in types and not math.isfinite(sum(_of_type(float, values, types)))


def _of_type(value_type: type, values: Column, types: set[type]) -> Column:
    """Return the values of one type in a column that has some."""
    return values if len(types) == 1 else [value for value in values if value.__class__ is value_type]


def _with_offset_in_minutes(value: datetime) -> datetime:
    """Return the same moment in UTC: ISO 8601 has no offsets with seconds, which time zones had long ago."""
    try:
        return value.astimezone(UTC)
    except OverflowError:  # at the ends of Python's calendar, where systems put dates that they don't know
        offset = value.utcoffset() or timedelta()
        return value.replace(tzinfo=timezone(offset - offset % _MINUTE))


def _refuse(value: Any) -> Value:
    raise NotEncodable(f"type {type(value).__qualname__}")


def _refuse_unreadable(value: UnreadableValue) -> Value:
    raise NotEncodable(value.detail, UNREADABLE_VALUE)
