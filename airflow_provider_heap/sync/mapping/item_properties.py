"""The properties of items, bound to the columns of a query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.mapping.columns import Column, ColumnIndex
from airflow_provider_heap.sync.mapping.constant import Constant, PropertyValue
from airflow_provider_heap.sync.mapping.encoder import MISSING
from airflow_provider_heap.sync.mapping.flatten import Flattener, is_nested
from airflow_provider_heap.sync.mapping.python_values import to_python, to_python_column
from airflow_provider_heap.sync.mapping.row_errors import RowErrors
from airflow_provider_heap.sync.mapping.value_readers import ValueReader, bind_value
from airflow_provider_heap.sync.mapping.values import Converter, NotEncodable


class ItemProperties:
    """
    Converts the properties of items. For one thread at a time.

    :param sources: what fills each property, by its name in Heap.
    :param columns: columns of the query.
    :param converter: converts values.
    :param nulls: ``omit`` leaves a null out, ``empty`` makes it an empty text.
    :param nested: what becomes of dicts and lists, see :class:`.Flattener`.
    :param watched: names of properties, or names inside a flattened one, whose values :meth:`convert` counts.
    :raises ModelError: when a column is missing, a constant has no JSON form, or a watched name is not a property.
    """

    def __init__(
        self,
        sources: Mapping[str, PropertyValue],
        columns: ColumnIndex,
        converter: Converter,
        nulls: str,
        nested: str,
        watched: Iterable[str],
    ) -> None:
        self._converter = converter
        self._nulls = nulls
        #: What gives the values of each property, before they are converted.
        self.readers: dict[str, ValueReader] = {
            name: bind_value(source, columns, f"property {name!r}") for name, source in sources.items()
        }
        for name, source in sources.items():
            if isinstance(source, Constant):
                self._check_constant(name, source.value)
        self._flattener = Flattener(converter, nested, sources)
        self._watched = _checked(watched, tuple(sources), nested)
        #: What fills each property, as the user wrote it: column, constant or template.
        self.sources = dict(sources)
        #: Positions of the columns that fill a property.
        self.positions = frozenset[int]().union(*(reader.positions for reader in self.readers.values()))
        #: The database's name of the column that fills each property; None where it is not one column. Names inside
        #: flattened columns are added when they first come.
        self.columns = {name: reader.column for name, reader in self.readers.items()}

    def convert(
        self, chunk: Sequence[Column], size: int, errors: RowErrors
    ) -> tuple[dict[str, Sequence[Any]], dict[str, int]]:
        """
        Return the converted values of each property, and the number of rows with a value for each watched name.

        :param chunk: columns of the chunk.
        :param size: number of its rows.
        :param errors: receives the rows that are invalid.
        :raises ModelError: when one column becomes too many properties.
        """
        properties: dict[str, Sequence[Any]] = {}
        flattened: dict[str, Sequence[Any]] = {}
        nested: dict[str, Column] = {}
        for name, reader in self.readers.items():
            column = reader.column
            values, types = to_python_column(reader.read(chunk, size, errors))
            if is_nested(types):
                nested[name] = values
                values, leaves = self._flattener.flatten(name, values, flattened, errors, column)
                types = set(map(type, values))
                for leaf, inner in leaves.items():
                    self.columns.setdefault(leaf, column)
                    flattened[leaf] = self._converter.convert_column(inner, set(map(type, inner)), errors, column)
            properties[name] = self._converter.convert_column(values, types, errors, column)
        properties |= flattened
        filled = {name: _count_values(nested.get(name) or properties.get(name, ())) for name in self._watched}
        # In the order of their names, so that the bytes of an item depend neither on the order of the columns nor on
        # the other rows of its chunk.
        properties = dict(sorted(properties.items()))
        if self._nulls == "empty":
            for name, values in properties.items():
                if None in values:
                    properties[name] = ["" if value is None else value for value in values]
        return properties, filled

    def _check_constant(self, name: str, value: Any) -> None:
        if is_nested({type(to_python(value))}):
            return
        try:
            self._converter.convert(value)
        except NotEncodable:
            raise ModelError(
                f"property {name!r}: a Constant of type {type(value).__name__} has no JSON form."
            ) from None


def _count_values(values: Column) -> int:
    return len(values) - values.count(None) - values.count(MISSING)


def _checked(watched: Iterable[str], known: tuple[str, ...], nested: str) -> tuple[str, ...]:
    """Return the watched names. Raise ModelError when one of them is not a property."""
    names = tuple(watched)
    inside = tuple(f"{name}." for name in known) if nested == "flatten" else ()
    for name in names:
        if name not in known and not name.startswith(inside):
            listed = ", ".join(map(repr, known)) or "none"
            raise ModelError(f"max_null names {name!r}, which is not a property of this sync. There are: {listed}.")
    return names
