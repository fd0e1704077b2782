"""
From the values of a database column to values that JSON and Heap can hold, a whole column at a time.

A check over a column in C costs a tenth of a Python ``if`` for each cell, so the question asked first is always which
types a column holds, and most columns of most chunks need no further one.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pendulum

from airflow_provider_heap.api.objects import MAX_INTEGER, MAX_PROPERTY_LENGTH
from airflow_provider_heap.sync.faults import Faults

Value = str | int | float | date | UUID | None
NO_JSON_FORM = "no_json_form"

_encoder = msgspec.json.Encoder()
encode: Callable[[Any], bytes] = _encoder.encode

#: What msgspec writes as the design has it, but for odd numbers and long texts.
_PLAIN = frozenset({str, int, float, type(None), date, UUID})
_MINUTE = timedelta(minutes=1)


class NoJsonForm(Exception):
    """A value that cannot be sent at all."""


def encode_each(values: Iterable[Value]) -> bytes:
    """
    Return the JSON of each value, one a line. JSON escapes line breaks, so none stands inside of a value.

    :param values: converted values.
    :raises UnicodeEncodeError: when a text holds half a surrogate pair.
    """
    return _encoder.encode_lines(values)


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
    units = text.encode("utf-16-le", "surrogatepass")[: length * 2]
    # A high surrogate at the end has lost its other half.
    if len(units) == length * 2 and 0xD8 <= units[-1] <= 0xDB:
        units = units[:-2]
    return units.decode("utf-16-le", "surrogatepass")


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
            self.zone: tzinfo = pendulum.timezone(timezone)
        except Exception as error:
            raise ValueError(f"timezone {timezone!r} is not known: name one of the tz database.") from error
        self._by_type: dict[type, Callable[[Any], Value]] = {}

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
        offsets = {value.utcoffset() for value in values}
        if None in offsets or any(offset % _MINUTE for offset in offsets if offset):
            return list(map(self.moment, values))
        # msgspec writes UTC as Z where isoformat writes +00:00, and takes offsets for whole minutes.
        return encode_each(values).decode().replace('Z"', '+00:00"').replace('"', "").splitlines()

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

    def column(self, values: Sequence[Any], faults: Faults, cuts: list[int]) -> Sequence[Value]:
        """
        Convert a column; the result encodes without an error.

        :param values: one value a row, neither dicts nor lists.
        :param faults: takes the rows whose value has no JSON form; such a value becomes None.
        :param cuts: takes the rows whose text was too long and was cut.
        """
        kinds = set(map(type, values))
        if kinds == {datetime}:
            return self.moments(values)
        if not kinds <= _PLAIN or _has_odd_number(values, kinds):
            values = self._convert(values, faults)
            kinds = set(map(type, values))
        if str in kinds:
            values = _shorten(values, kinds, cuts)
        return values

    def _convert(self, values: Sequence[Any], faults: Faults) -> list[Value]:
        try:
            return list(map(self.value, values))
        except NoJsonForm:
            pass
        converted: list[Value] = []
        for row, value in enumerate(values):
            try:
                converted.append(self.value(value))
            except NoJsonForm:
                faults.add(row, NO_JSON_FORM)
                converted.append(None)
        return converted

    def _converter(self, kind: type) -> Callable[[Any], Value]:
        # From the narrow to the wide: bool is an int, datetime is a date, and drivers and pandas subclass them all.
        table: tuple[tuple[type | tuple[type, ...], Callable[[Any], Value]], ...] = (
            (type(None), lambda value: None),
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


def encodable(values: Sequence[Value], faults: Faults) -> list[Value]:
    """
    Take out the texts that UTF-8 cannot hold, after :func:`encode_each` failed on a column.

    :param values: converted values.
    :param faults: takes the rows whose text holds half a surrogate pair.
    """
    kept: list[Value] = []
    for row, value in enumerate(values):
        try:
            encode(value)
        except UnicodeEncodeError:
            faults.add(row, NO_JSON_FORM)
            value = None
        kept.append(value)
    return kept


def _has_odd_number(values: Sequence[Any], kinds: set[type]) -> bool:
    """Tell whether a column of plain types holds an integer or a float that can't go as it is."""
    if kinds.isdisjoint((int, float)):
        return False
    found = values if len(kinds) == 1 else [value for value in values if value.__class__ in (int, float)]
    try:
        # A NaN compares as neither larger nor smaller, but makes a sum that is NaN.
        return not (min(found) >= -MAX_INTEGER and max(found) <= MAX_INTEGER and math.isfinite(sum(found)))
    except OverflowError:
        return True


def _shorten(values: Sequence[Any], kinds: set[type], cuts: list[int]) -> Sequence[Value]:
    texts = values if len(kinds) == 1 else [value for value in values if value.__class__ is str]
    # A text has at most two UTF-16 units a character: one of half the length can't be too long.
    if max(map(len, texts)) <= MAX_PROPERTY_LENGTH // 2:
        return values
    shortened = list(values)
    for row, value in enumerate(values):
        if value.__class__ is str and utf16_length(value) > MAX_PROPERTY_LENGTH:
            shortened[row] = cut(value)
            cuts.append(row)
    return shortened


def _integer(value: Any) -> Value:
    number = int(value)
    if -MAX_INTEGER <= number <= MAX_INTEGER:
        return number
    try:
        return str(number)
    except ValueError:  # Python writes no integer of more than some thousand digits
        raise NoJsonForm from None


def _real(value: Any) -> Value:
    number = float(value)
    return number if math.isfinite(number) else None


def _refuse(value: Any) -> Value:
    raise NoJsonForm
