"""
From the values of a database column to values that JSON and Heap can hold, a whole column at a time.

A check over a column in C costs a tenth of a Python ``if`` for each cell, so the question asked first is always which
types a column holds, and most columns of most chunks need no further one.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from operator import eq
from typing import Any
from uuid import UUID

import pendulum
from msgspec import UnsetType

from airflow_provider_heap.api.objects import MAX_INTEGER, MAX_PROPERTY_LENGTH
from airflow_provider_heap.sync.mapping.encoder import MISSING, encode_lines
from airflow_provider_heap.sync.mapping.row_errors import RowErrors

Value = str | int | float | date | UUID | UnsetType | None
NO_JSON_FORM = "no_json_form"

#: What msgspec writes as the design has it, but for odd numbers and long texts; and what it leaves out.
_PLAIN = frozenset({str, int, float, type(None), date, UUID, type(MISSING)})
_NOTHING = frozenset({type(None), type(MISSING)})
_BOOLS = {True: "true", False: "false"}
_MINUTE = timedelta(minutes=1)


class NotEncodable(Exception):
    """A value that cannot be sent at all."""


def utf16_length(text: str) -> int:
    """
    Return the length as Heap's own clients count it.

    :param text: any text.
    """
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, length: int = MAX_PROPERTY_LENGTH) -> str:
    """
    Cut a text, never through a surrogate pair.

    :param text: any text.
    :param length: the most it may have, in UTF-16 units.
    """
    if text.isascii():
        return text[:length]
    units = text.encode("utf-16-le", "surrogatepass")[: length * 2]
    # A high surrogate at the end has lost its other half.
    if len(units) == length * 2 and 0xD8 <= units[-1] <= 0xDB:
        units = units[:-2]
    return units.decode("utf-16-le", "surrogatepass")


def is_utf8(text: str) -> bool:
    """
    Tell whether a text can be sent: one with half a surrogate pair can't.

    :param text: any text.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_decimal(value: Decimal) -> Value:
    """
    Return a number when a double's shortest text keeps the value, else text.

    :param value: any Decimal; NaN and infinities become None.
    """
    if not value.is_finite():
        return None
    number = float(value)
    if not math.isfinite(number) or Decimal(repr(number)) != value:
        return str(value)
    # From 1e16 on a double is written with an exponent, below it with a ``.0`` that a whole number should not have.
    return int(value) if value == value.to_integral_value() and abs(number) < 1e16 else number


def as_time(value: timedelta) -> Value:
    """
    Return the seconds of a duration, whole ones as an integer.

    :param value: any duration.
    """
    seconds = value.total_seconds()
    return int(seconds) if seconds.is_integer() else seconds


class Converter:
    """
    Turns values into JSON's; knows the time zone of timestamps that carry none.

    :param timezone: name of that zone, as in the tz database.
    :raises ValueError: when there is no such zone.
    """

    def __init__(self, timezone: str = "UTC") -> None:
        try:
            self.zone: tzinfo = UTC if timezone == "UTC" else pendulum.timezone(timezone)
        except Exception as error:
            raise ValueError(f"timezone {timezone!r} is not known: name one of the tz database.") from error
        self._by_type: dict[type, Callable[[Any], Value]] = {}
        self._by_column: dict[type | None, Callable[[Sequence[Any]], list[Value]]] = {
            bool: lambda values: list(map(_BOOLS.__getitem__, values)),
            datetime: lambda values: [*self.moments(values)],
            Decimal: self.decimals,
        }

    def moment(self, value: datetime) -> str:
        """
        Return ISO 8601 with an offset.

        :param value: a datetime; a naive one is taken to be in this converter's zone.
        """
        if value.tzinfo is None or value.utcoffset() is None:
            value = value.replace(tzinfo=self.zone)
        return datetime.isoformat(value)

    def moments(self, values: Sequence[datetime]) -> list[str]:
        """
        Do for a column what :meth:`moment` does for one value, at a tenth of its cost.

        :param values: datetimes, of no subclass.
        """
        zones: set[tzinfo | None] = {value.tzinfo for value in values}
        if zones == {None}:
            zones, values = {self.zone}, [value.replace(tzinfo=self.zone) for value in values]
        if zones != {UTC}:
            offsets = {value.utcoffset() for value in values}
            if None in offsets or any(offset % _MINUTE for offset in offsets if offset):
                return list(map(self.moment, values))
        # msgspec writes UTC as Z where isoformat writes +00:00, and takes offsets for whole minutes.
        return encode_lines(values).decode().replace('Z"', '+00:00"')[1:-2].split('"\n"')

    def value(self, value: Any) -> Value:
        """
        Convert one value that is neither a dict nor a list.

        :param value: what a database driver returned.
        :raises NoJsonForm: when it has no JSON form, bytes for example.
        """
        kind = type(value)
        convert = self._by_type.get(kind)
        if convert is None:
            convert = self._by_type[kind] = self._converter(kind)
        return convert(value)

    def decimals(self, values: Sequence[Decimal]) -> list[Value]:
        """
        Do for a column what :func:`as_decimal` does for one value.

        :param values: Decimals, of no subclass.
        """
        try:
            numbers = list(map(float, values))
        except (OverflowError, ValueError):  # float() takes no signalling NaN
            return list(map(as_decimal, values))
        # Infinities and NaN fail one of the two; so do the numbers that a double writes with an exponent.
        if max(map(abs, numbers)) < 1e16 and all(map(eq, map(Decimal, map(repr, numbers)), values)):
            return [int(number) if number.is_integer() else number for number in numbers]
        return list(map(as_decimal, values))

    def column(self, values: Sequence[Any], kinds: set[type], faults: RowErrors) -> Sequence[Value]:
        """
        Convert a column; the result encodes without an error, but for half a surrogate pair. Long texts stay long.

        :param values: one value a row, neither dicts nor lists.
        :param kinds: the types that they have.
        :param faults: takes the rows whose value has no JSON form; such a value becomes None.
        """
        if kinds <= _PLAIN and not _has_odd_number(values, kinds):
            return values
        return self._convert(values, kinds, faults)

    def _convert(self, values: Sequence[Any], kinds: set[type], faults: RowErrors) -> Sequence[Value]:
        convert = self._by_column.get(next(iter(kinds - _NOTHING), None))
        if convert is None or len(kinds - _NOTHING) > 1:
            return self._convert_each(values, faults)
        if kinds.isdisjoint(_NOTHING):
            return convert(values)
        found = iter(convert([value for value in values if value.__class__ not in _NOTHING]))
        return [value if value.__class__ in _NOTHING else next(found) for value in values]

    def _convert_each(self, values: Sequence[Any], faults: RowErrors) -> list[Value]:
        try:
            return list(map(self.value, values))
        except NotEncodable:
            pass
        converted: list[Value] = []
        for row, value in enumerate(values):
            try:
                converted.append(self.value(value))
            except NotEncodable:
                faults.add(row, NO_JSON_FORM)
                converted.append(None)
        return converted

    def _converter(self, kind: type) -> Callable[[Any], Value]:
        # From the narrow to the wide: bool is an int, datetime is a date, and drivers and pandas subclass them all.
        table: tuple[tuple[type | tuple[type, ...], Callable[[Any], Value]], ...] = (
            (type(None), lambda value: None),
            (type(MISSING), lambda value: value),
            (bool, lambda value: "true" if value else "false"),
            (str, str.__str__),
            (numbers.Integral, _integer),
            (Decimal, as_decimal),
            (numbers.Real, _real),
            (datetime, self.moment),
            (date, date.isoformat),
            (time, time.isoformat),
            (timedelta, as_time),
            (UUID, str),
        )
        for base, convert in table:
            if issubclass(kind, base):
                return convert
        return _refuse


def encodable(values: Sequence[Any], faults: RowErrors) -> list[Any]:
    """
    Take out the texts that UTF-8 cannot hold, after the items of a chunk could not be encoded.

    :param values: converted values.
    :param faults: takes the rows whose text holds half a surrogate pair.
    """
    kept: list[Any] = []
    for row, value in enumerate(values):
        if value.__class__ is str and not is_utf8(value):
            faults.add(row, NO_JSON_FORM)
            value = None
        kept.append(value)
    return kept


def shorten(values: Sequence[Any], cuts: list[int]) -> Sequence[Any]:
    """
    Cut the texts that are longer than Heap takes.

    :param values: converted values.
    :param cuts: takes the rows whose text was cut.
    """
    kinds = set(map(type, values))
    if str not in kinds:
        return values
    texts = _of(str, values, kinds)
    longest = max(map(len, texts))
    # A text has at most two UTF-16 units a character, and one for each of ASCII.
    if longest <= MAX_PROPERTY_LENGTH // 2 or (longest <= MAX_PROPERTY_LENGTH and all(map(str.isascii, texts))):
        return values
    shortened = list(values)
    for row, value in enumerate(values):
        if value.__class__ is str and utf16_length(value) > MAX_PROPERTY_LENGTH:
            shortened[row] = cut(value)
            cuts.append(row)
    return shortened


def _has_odd_number(values: Sequence[Any], kinds: set[type]) -> bool:
    """Tell whether a column of plain types holds an integer or a float that can't go as it is."""
    if int in kinds:
        integers = _of(int, values, kinds)
        if min(integers) < -MAX_INTEGER or max(integers) > MAX_INTEGER:
            return True
    # Infinities and NaN do not vanish in a sum.
    return float in kinds and not math.isfinite(sum(_of(float, values, kinds)))


def _of(kind: type, values: Sequence[Any], kinds: set[type]) -> Sequence[Any]:
    """Return the values of one type in a column that has some."""
    return values if len(kinds) == 1 else [value for value in values if value.__class__ is kind]


def _integer(value: Any) -> Value:
    number = int(value)
    if -MAX_INTEGER <= number <= MAX_INTEGER:
        return number
    try:
        return str(number)
    except ValueError:  # Python writes no integer of more than some thousand digits
        raise NotEncodable from None


def _real(value: Any) -> Value:
    number = float(value)
    return number if math.isfinite(number) else None


def _refuse(value: Any) -> Value:
    raise NotEncodable
