"""
The JSON of items, thousands at a time.

A msgspec Struct knows the names of its fields, leaves out what is absent, and is made and encoded in C. With a Struct
for the names of a mapping, no Python runs for a single row or a single cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

import msgspec

from airflow_provider_heap.api.objects import PROPERTIES
from airflow_provider_heap.sync.items import JsonLines

#: A value that is absent. So is None, but None is sent where a null is to be sent as a text.
MISSING = msgspec.UNSET

_encoder = msgspec.json.Encoder()
encode: Callable[[Any], bytes] = _encoder.encode


def encode_lines(values: Iterable[Any]) -> bytes:
    """
    Return the JSON of each value, one a line. JSON escapes line breaks, so there is none inside a value.

    :param values: converted values.
    :raises UnicodeEncodeError: when a text holds half a surrogate pair.
    """
    return _encoder.encode_lines(values)


class ItemEncoder:
    """
    Encodes items that have the same names, or some of them.

    :param fields: names of the item's fields beside its properties, in the order in which they are written.
    :param properties: names of its properties, in order; None for an object that has none.
    """

    def __init__(self, fields: Sequence[str], properties: Sequence[str] | None) -> None:
        # msgspec takes no name that JSON has to escape: another name is encoded and then replaced.
        self._escaped: dict[bytes, bytes] = {}
        self._fields = len(fields)
        self._item = _struct([*fields, *([] if properties is None else [PROPERTIES])])
        self._properties = _struct([self._spelling(name, properties or ()) for name in properties or ()])
        self._has_properties = properties is not None

    def encode(self, columns: Sequence[Sequence[Any]], size: int) -> JsonLines:
        """
        Return the JSON of each item; what is None or MISSING is left out.

        :param columns: for each field, then for each property, its converted values, one an item.
        :param size: number of items.
        :raises UnicodeEncodeError: when a text holds half a surrogate pair.
        """
        fields, properties = columns[: self._fields], columns[self._fields :]
        inner = map(self._properties, *properties) if properties else repeat(self._properties(), size)
        lines = encode_lines(list(map(self._item, *fields, *([inner] if self._has_properties else []))))
        for spelled, name in self._escaped.items():
            lines = lines.replace(spelled, name)
        return JsonLines(lines, size)

    def _spelling(self, name: str, names: Sequence[str]) -> str:
        if encode(name)[1:-1] == name.encode():
            return name
        spelled = f"\x7f{len(self._escaped)}"
        while spelled in names:
            spelled += "\x7f"
        # With its quotes and the colon it cannot come from a text, where quotes are escaped.
        self._escaped[f'"{spelled}":'.encode()] = encode(name) + b":"
        return spelled


def _struct(names: Sequence[str]) -> Callable[..., msgspec.Struct]:
    attributes = [f"field_{number}" for number in range(len(names))]
    return msgspec.defstruct(
        "Item",
        [(attribute, object, None) for attribute in attributes],
        rename=dict(zip(attributes, names, strict=True)),
        omit_defaults=True,
        gc=False,
    )
