"""Dicts and lists in a column: Heap's properties are numbers and texts, so these are flattened or become one text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import repeat
from typing import Any

from airflow_provider_heap.api.objects import MAX_PROPERTY_LENGTH
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.mapping.columns import Column
from airflow_provider_heap.sync.mapping.encoder import MISSING, encode
from airflow_provider_heap.sync.mapping.python_values import to_python
from airflow_provider_heap.sync.mapping.row_errors import NO_JSON_FORM, RowErrors
from airflow_provider_heap.sync.mapping.texts import HALF_A_PAIR, is_utf8, utf16_length
from airflow_provider_heap.sync.mapping.values import Converter, NotEncodable

#: Names that one column may become. Each would be a property in Heap forever.
MAX_NAMES = 200

_CONTAINERS = (dict, list, tuple)


def is_nested(types: Iterable[type]) -> bool:
    """
    Return whether a column holds a dict or a list.

    :param types: types of its values.
    """
    return any(issubclass(value_type, _CONTAINERS) for value_type in types)


class Flattener:
    """
    Turns columns that hold dicts or lists into properties. For one thread at a time.

    :param converter: converts the values inside.
    :param nested: ``flatten`` to dotted names, or ``json`` for one text.
    :param reserved_names: the mapping's own property names; no value inside a column may take one.
    """

    def __init__(self, converter: Converter, nested: str, reserved_names: Iterable[str]) -> None:
        self._converter = converter
        self._nested = nested
        self._reserved_names = frozenset(reserved_names)
        self._names_by_property: dict[str, set[str]] = {}

    def flatten(
        self, name: str, values: Column, others: Mapping[str, Column], errors: RowErrors, column: str | None
    ) -> tuple[list[Any], dict[str, list[Any]]]:
        """
        Flatten a column of dicts and lists.

        :param name: property that the column fills.
        :param values: one value a row.
        :param others: values by the names that earlier columns became; this column's values are added to copies.
        :param errors: receives the rows with a value that has no JSON form, or a name that is not free.
        :param column: name of the column, for the errors.
        :return: values that keep the property's name, and values by each name inside; MISSING where there is none.
        :raises ModelError: when the column becomes too many names.
        """
        own: list[Any] = [MISSING] * len(values)
        inside: dict[str, list[Any]] = {}
        for row, value in enumerate(values):
            try:
                leaves = list(self._leaves(name, value))
            except NotEncodable as error:
                errors.add(row, error.reason, column, error.detail)
                continue
            except (RecursionError, UnicodeEncodeError) as error:
                detail = "nested too deeply" if isinstance(error, RecursionError) else HALF_A_PAIR
                errors.add(row, NO_JSON_FORM, column, detail)
                continue
            for leaf_name, leaf in leaves:
                if leaf_name == name:
                    own[row] = leaf
                    continue
                if reason := self._refuse(name, leaf_name):
                    errors.add(row, reason, column)
                    continue
                if leaf_name not in inside:
                    inside[leaf_name] = list(others.get(leaf_name) or repeat(MISSING, len(values)))
                if inside[leaf_name][row] is not MISSING:
                    errors.add(row, "name_collision", column)
                inside[leaf_name][row] = leaf
        return own, inside

    def _refuse(self, property_name: str, name: str) -> str | None:
        """Return the reason why a name inside a property cannot be used; None when it can."""
        if name in self._reserved_names:
            return "name_collision"
        names = self._names_by_property.setdefault(property_name, set())
        if name in names:
            return None
        if utf16_length(name) > MAX_PROPERTY_LENGTH:
            return "name_too_long"
        if not is_utf8(name):
            return NO_JSON_FORM
        names.add(name)
        if len(names) > MAX_NAMES:
            raise ModelError(
                f"The column of property {property_name!r} becomes more than {MAX_NAMES} properties, and each would "
                "stay in Heap forever. Map the values that you need, or set nested='json'."
            )
        return None

    def _leaves(self, name: str, value: Any) -> Iterator[tuple[str, Any]]:
        value = to_python(value)
        if not isinstance(value, _CONTAINERS):
            yield name, value
        elif self._nested == "json":
            yield name, encode(self._to_json(value)).decode()
        elif isinstance(value, dict):
            for key, inner in value.items():
                yield from self._leaves(f"{name}.{self._key_text(key)}", inner)
        elif is_nested(map(type, map(to_python, value))):
            # Numbering the elements would make a property for each position.
            yield name, encode(self._to_json(value)).decode()
        else:
            converted = map(self._converter.convert, value)
            texts = (
                inner if isinstance(inner, str) else encode(inner).decode() for inner in converted if inner is not None
            )
            yield name, "||".join(texts)

    def _key_text(self, key: Any) -> str:
        """Return the key of a dict as its values are written. A name made of it stays in Heap forever."""
        if key.__class__ is str:
            return str(key)
        text = self._converter.convert(key)
        if text is None:
            raise NotEncodable("dict with null as a key")
        return text if isinstance(text, str) else encode(text).decode()

    def _to_json(self, value: Any) -> Any:
        """Return what JSON can hold of a value. JSON's own types are kept: inside a text, true stays true."""
        value = to_python(value)
        if isinstance(value, dict):
            return {self._key_text(key): self._to_json(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._to_json(inner) for inner in value]
        if value is None or type(value) in (bool, int, str):
            return value
        return self._converter.convert(value)
