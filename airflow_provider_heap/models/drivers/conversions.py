"""From a driver's form of a value to the Python value that it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from airflow_provider_heap.sync.mapping.unreadable import UnreadableValue

_decode = msgspec.json.Decoder().decode


def decode_json(values: Sequence[Any]) -> list[Any]:
    """
    Decode a column that is declared as JSON, and that the driver hands over as text.

    :param values: texts of JSON; what is not a text was decoded by the driver.
    """
    try:
        return [_decode(value) if value.__class__ is str else value for value in values]
    except (msgspec.DecodeError, UnicodeEncodeError):
        return [_decode_one(value) for value in values]


def decode_likely_json(values: Sequence[Any]) -> list[Any]:
    """
    Decode a column that may be declared as JSON; what is not JSON stays as it is.

    :param values: one value a row.
    """
    decoded = decode_json(values)
    return [
        value if inner.__class__ is UnreadableValue else inner for value, inner in zip(values, decoded, strict=True)
    ]


def bits_to_integers(values: Sequence[Any]) -> list[Any]:
    """
    Return the number of each bit string.

    :param values: bytes, the highest first, or what the driver converted.
    """
    return [int.from_bytes(value, "big") if isinstance(value, bytes | bytearray) else value for value in values]


def set_texts_to_lists(values: Sequence[Any]) -> list[Any]:
    """
    Return the members of each SET, in the database's order.

    :param values: members with commas in between, which no member can have.
    """
    return [value.split(",") if value else [] if value == "" else value for value in values]


def _decode_one(value: Any) -> Any:
    if value.__class__ is not str:
        return value
    try:
        return _decode(value)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return UnreadableValue("text in a column of JSON that is not JSON", value)
