"""
From rows to items, a chunk at a time.

The mapper works by column: each column is asked once which types it holds, and only unusual ones are looked at value by
value. Then all items of the chunk are encoded at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_provider_heap.api.objects import MAX_PROPERTY_LENGTH, HeapObject
from airflow_provider_heap.sync.items import InvalidRow, ItemBatch, JsonLines, MappedChunk
from airflow_provider_heap.sync.mapping.columns import Column, ColumnIndex, Row
from airflow_provider_heap.sync.mapping.constant import Constant
from airflow_provider_heap.sync.mapping.encoder import ItemEncoder
from airflow_provider_heap.sync.mapping.item_fields import ItemFields
from airflow_provider_heap.sync.mapping.item_properties import ItemProperties
from airflow_provider_heap.sync.mapping.row_errors import RowErrors
from airflow_provider_heap.sync.mapping.summary import MappingSummary
from airflow_provider_heap.sync.mapping.texts import drop_unencodable, truncate_column

#: Encoders that are kept, one for each set of property names. A mapping has one set, but dicts and lists may add any.
MAX_ENCODERS = 100


class RowMapper:
    """
    A mapping bound to the columns of a query. Made by :meth:`.FieldMapping.bind`. For one thread at a time.

    :param heap_object: what the rows become.
    :param columns: columns of the query.
    :param fields: fields of the items.
    :param properties: properties of the items.
    :param summary: the mapping, to be shown.
    """

    def __init__(
        self,
        heap_object: HeapObject,
        columns: ColumnIndex,
        fields: ItemFields,
        properties: ItemProperties,
        summary: MappingSummary,
    ) -> None:
        #: Which column fills which field and property.
        self.summary = summary
        #: Column of the sync key, as the database has its name; None when it does not come from one.
        self.key_column = fields.key_column
        self.heap_object = heap_object
        self._columns = columns
        self._fields = fields
        self._properties = properties
        self._encoders: dict[tuple[str, ...], ItemEncoder] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the query, in order."""
        return self._columns.names

    @property
    def key_parts(self) -> dict[str, str | Constant]:
        """What the sync key is made of, by field: a column, as the database has its name, or a constant."""
        sources, columns = self._fields.sources, self._fields.columns
        return {name: columns[name] or sources[name] for name in self._fields.key_parts}

    @property
    def unused(self) -> list[str]:
        """The columns that fill nothing."""
        used = self._fields.positions | self._properties.positions
        return [name for position, name in enumerate(self.columns) if position not in used]

    @property
    def origins(self) -> dict[str, str]:
        """What fills each field and property: a column, as the database has its name, or what else the user wrote."""
        sources = {**self._fields.sources, **self._properties.sources}
        columns = {**self._fields.columns, **self._properties.columns}
        return {name: column or (repr(sources[name]) if name in sources else "") for name, column in columns.items()}

    def map(self, rows: Sequence[Row], first: int) -> MappedChunk:
        """
        Turn a chunk of rows into items.

        :param rows: the rows, each as long as there are columns.
        :param first: number of the first of them; the model's first row is 1.
        :raises ModelError: when one column becomes too many properties.
        """
        if not rows:
            return MappedChunk(ItemBatch())
        chunk: list[Column] = list(zip(*rows, strict=True))
        size = len(rows)
        errors = RowErrors()
        truncated_rows: list[int] = []
        fields = self._fields.convert(chunk, size, errors)
        person_keys = self._fields.person_keys(fields, errors)
        properties, filled = self._properties.convert(chunk, size, errors)
        bodies = self._encode(fields, properties, size, errors, truncated_rows)
        keys = person_keys if self.heap_object.keyed_by_person else fields[self.heap_object.key]
        items = ItemBatch(range(first, first + size), keys, person_keys, bodies)
        if not errors:
            return MappedChunk(items, (), len(truncated_rows), filled)
        truncated = sum(row not in errors for row in truncated_rows)
        valid = [row not in errors for row in range(size)]
        return MappedChunk(items.select(valid), self._split_invalid(rows, first, errors), truncated, filled)

    def _encode(
        self,
        fields: dict[str, Sequence[Any]],
        properties: dict[str, Sequence[Any]],
        size: int,
        errors: RowErrors,
        truncated_rows: list[int],
    ) -> JsonLines:
        encoder = self._encoder(tuple(fields), tuple(properties))
        values: list[Sequence[Any]] = [*fields.values(), *properties.values()]
        try:
            bodies = encoder.encode(values, size)
        except UnicodeEncodeError:
            names = [*map(self._fields.columns.get, fields), *map(self._properties.columns.get, properties)]
            values = [drop_unencodable(column, errors, name) for column, name in zip(values, names, strict=True)]
            bodies = encoder.encode(values, size)
        # A UTF-16 unit is at least a byte of JSON: an item with no more bytes holds no text that is too long.
        if bodies.has_longer(MAX_PROPERTY_LENGTH):
            values[len(fields) :] = [truncate_column(column, truncated_rows) for column in values[len(fields) :]]
            if truncated_rows:
                bodies = encoder.encode(values, size)
        return bodies

    def _encoder(self, fields: tuple[str, ...], properties: tuple[str, ...]) -> ItemEncoder:
        encoder = self._encoders.get(properties)
        if encoder is None:
            if len(self._encoders) >= MAX_ENCODERS:
                self._encoders.clear()
            names = properties if self.heap_object.has_properties else None
            encoder = self._encoders[properties] = ItemEncoder(fields, names)
        return encoder

    def _split_invalid(self, rows: Sequence[Row], first: int, errors: RowErrors) -> list[InvalidRow]:
        """Return the rows that have an error."""
        return [
            InvalidRow(
                first + row, error.reason, error.column, dict(zip(self.columns, rows[row], strict=True)), error.detail
            )
            for row, error in errors.items()
        ]
