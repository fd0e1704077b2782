"""Dicts and lists in a column: Heap's properties are numbers and texts, so these are flattened or become one text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

from airflow_provider_heap.api.objects import MAX_PROPERTY_LENGTH
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.mapping.encoder import MISSING, encode
from airflow_provider_heap.sync.mapping.row_errors import RowErrors
from airflow_provider_heap.sync.mapping.values import NO_JSON_FORM, Converter, NotEncodable, is_utf8, utf16_length

#: Names that one column may become. Each would be a property in Heap for ever.
MAX_NAMES = 200

_CONTAINERS = (dict, list, tuple)


class Flattener:
    """
    Turns columns that hold dicts or lists into properties.

    :param converter: for the values inside.
    :param how: ``flatten`` or ``json``.
    """

    def __init__(self, converter: Converter, how: str) -> None:
        #: The names that the mapping gives to properties; no value inside of a column may take one.
        self.taken: frozenset[str] = frozenset()
        self._converter = converter
        self._how = how
        self._names: dict[str, set[str]] = {}

    @staticmethod
    def concerns(kinds: Iterable[type]) -> bool:
        """
        Tell whether a column holds a dict or a list.

        :param kinds: the types of its values.
        """
        return any(issubclass(kind, _CONTAINERS) for kind in kinds)

    def open(
        self, name: str, values: Sequence[Any], others: Mapping[str, Sequence[Any]], faults: RowErrors
    ) -> tuple[list[Any], dict[str, list[Any]]]:
        """
        Take the values out of a column of dicts and lists.

        :param name: the column's own property name.
        :param values: one value a row.
        :param others: what columns before this one opened into, by name; what this one adds to them is given back.
        :param faults: takes the rows that hold something without a JSON form, or a name that is taken.
        :return: the values that keep the column's name, and those under each name inside; MISSING where there is none.
        :raises ModelError: when the column becomes too many names.
        """
        own: list[Any] = [MISSING] * len(values)
        inside: dict[str, list[Any]] = {}
        for row, value in enumerate(values):
            try:
                leaves = list(self._open(name, value))
            except (NotEncodable, RecursionError, UnicodeEncodeError):
                faults.add(row, NO_JSON_FORM)
                continue
            for leaf, found in leaves:
                if leaf == name:
                    own[row] = found
                elif self._may_have(name, leaf, row, faults):
                    if leaf not in inside:
                        inside[leaf] = list(others.get(leaf) or repeat(MISSING, len(values)))
                    if inside[leaf][row] is not MISSING:
                        faults.add(row, "name_collision")
                    inside[leaf][row] = found
        return own, inside

    def _may_have(self, column: str, name: str, row: int, faults: RowErrors) -> bool:
        if name in self.taken:
            faults.add(row, "name_collision")
            return False
        names = self._names.setdefault(column, set())
        if name in names:
            return True
        if utf16_length(name) > MAX_PROPERTY_LENGTH:
            faults.add(row, "name_too_long")
            return False
        if not is_utf8(name):
            faults.add(row, NO_JSON_FORM)
            return False
        names.add(name)
        if len(names) > MAX_NAMES:
            raise ModelError(
                f"The column of property {column!r} becomes more than {MAX_NAMES} properties, and each would stay in "
                "Heap for ever. Map the values that you need, or set nested='json'."
            )
        return True

    def _open(self, name: str, value: Any) -> Iterator[tuple[str, Any]]:
        if not isinstance(value, _CONTAINERS):
            yield name, value
        elif self._how == "json":
            yield name, encode(self._plain(value)).decode()
        elif isinstance(value, dict):
            for key, inner in value.items():
                yield from self._open(f"{name}.{key}", inner)
        elif any(isinstance(inner, _CONTAINERS) for inner in value):
            # Numbering the elements would make a property for each place.
            yield name, encode(self._plain(value)).decode()
        else:
            converted = [self._converter.value(inner) for inner in value]
            yield (
                name,
                "||".join(
                    inner if isinstance(inner, str) else encode(inner).decode()
                    for inner in converted
                    if inner is not None
                ),
            )

    def _plain(self, value: Any) -> Any:
        """Return what JSON can hold of a value, with its own types kept: inside of a text, true stays true."""
        if isinstance(value, dict):
            return {str(key): self._plain(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._plain(inner) for inner in value]
        if value is None or type(value) in (bool, int, str):
            return value
        return self._converter.value(value)
