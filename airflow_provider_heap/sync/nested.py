"""Dicts and lists in a column: Heap's properties are numbers and texts, so these are flattened or become one text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from airflow_provider_heap.api.objects import MAX_PROPERTY_LENGTH
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.faults import Faults
from airflow_provider_heap.sync.values import NO_JSON_FORM, Converter, NoJsonForm, encode, utf16_length

#: Names that one column may become. Each would be a property in Heap for ever.
MAX_NAMES = 200

_CONTAINERS = (dict, list, tuple)

#: One value of a row: the row's place in the chunk, the property's name and the value, neither a dict nor a list.
Leaf = tuple[int, str, Any]


class Nested:
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
        self._used: set[tuple[int, str]] = set()

    @staticmethod
    def concerns(values: Sequence[Any]) -> bool:
        """
        Tell whether a column holds a dict or a list.

        :param values: one value a row.
        """
        return any(issubclass(kind, _CONTAINERS) for kind in set(map(type, values)))

    def begin(self) -> None:
        """Begin a chunk: names may be used again."""
        self._used.clear()

    def leaves(self, name: str, values: Sequence[Any], faults: Faults) -> list[Leaf]:
        """
        Give the values inside of a column, each with the name of its property.

        :param name: the column's own property name.
        :param values: one value a row.
        :param faults: takes the rows that hold something without a JSON form, or a name that is taken.
        :raises ModelError: when the column becomes too many names.
        """
        found: list[Leaf] = []
        for row, value in enumerate(values):
            try:
                leaves = [(row, *leaf) for leaf in self._open(name, value)]
            except (NoJsonForm, RecursionError, UnicodeEncodeError):
                faults.add(row, NO_JSON_FORM)
                continue
            for leaf in leaves:
                self._check(name, leaf, faults)
            found += leaves
        return found

    def _check(self, column: str, leaf: Leaf, faults: Faults) -> None:
        row, name, _ = leaf
        if name == column:
            return
        if name in self.taken or (row, name) in self._used:
            faults.add(row, "name_collision")
        self._used.add((row, name))
        names = self._names.setdefault(column, set())
        if name in names:
            return
        if utf16_length(name) > MAX_PROPERTY_LENGTH:
            faults.add(row, "name_too_long")
            return
        names.add(name)
        if len(names) > MAX_NAMES:
            raise ModelError(
                f"The column of property {column!r} becomes more than {MAX_NAMES} properties, and each would stay in "
                "Heap for ever. Map the values that you need, or set nested='json'."
            )

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
