"""The fields of items beside their properties, bound to the columns of a query."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from airflow_provider_heap.api.objects import Field, FieldKind, HeapObject
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.mapping.columns import Column, ColumnIndex
from airflow_provider_heap.sync.mapping.constant import Constant
from airflow_provider_heap.sync.mapping.fields import convert_field
from airflow_provider_heap.sync.mapping.idempotency import IdempotencyKeys
from airflow_provider_heap.sync.mapping.row_errors import RowErrors
from airflow_provider_heap.sync.mapping.value_readers import ValueReader, bind_value
from airflow_provider_heap.sync.mapping.values import Converter

#: Converted values of each field, by the field's name.
FieldValues = Mapping[str, Sequence[str | None]]


class ItemFields:
    """
    Converts the fields of items. For one thread at a time.

    :param heap_object: what the rows become.
    :param sources: column or constant that fills each field, by the field's name.
    :param optional: names of the fields that a null leaves out; a null in another makes the row invalid.
    :param insert_id_scope: ``event`` or ``app``, see :class:`.IdempotencyKeys`.
    :param columns: columns of the query.
    :param converter: knows the time zone of timestamps that carry none.
    :raises ModelError: when a column is missing, or a constant cannot be its field.
    """

    def __init__(
        self,
        heap_object: HeapObject,
        sources: Mapping[str, str | Constant],
        optional: Collection[str],
        insert_id_scope: str,
        columns: ColumnIndex,
        converter: Converter,
    ) -> None:
        self._object = heap_object
        self._optional = optional
        self._converter = converter
        self._fields = [field for field in heap_object.fields if field.name in sources]
        self._constants = {
            field.name: self._convert_constant(field, source.value)
            for field in self._fields
            if isinstance(source := sources[field.name], Constant)
        }
        # A column of the field's own name is the default of its parameter, so most likely nobody wrote it.
        if sources.get(heap_object.key) == heap_object.key and not columns.has(heap_object.key):
            raise ModelError(
                f"{heap_object.key} is the column {heap_object.key!r} unless a task says otherwise, and there is no "
                f"such column: name another one with the parameter {heap_object.key}. The model has: "
                f"{', '.join(map(repr, columns.names))}."
            )
        #: What gives the values of each field, before they are converted.
        self.readers: dict[str, ValueReader] = {
            field.name: bind_value(sources[field.name], columns, _role(field, heap_object)) for field in self._fields
        }
        self._event = next((field.name for field in heap_object.fields if field.kind is FieldKind.NAME), None)
        self._keys = IdempotencyKeys(heap_object.key, insert_id_scope)
        #: What fills each field, as the user wrote it: column, constant.
        self.sources = {field.name: sources[field.name] for field in self._fields}
        #: Positions of the columns that fill a field.
        self.positions = frozenset[int]().union(*(reader.positions for reader in self.readers.values()))

    @property
    def key_parts(self) -> list[str]:
        """The fields that decide the sync key, in order; an idempotency key may be derived from the event too."""
        key = self._object.key
        return [self._event, key] if self._object.derives_key and self._event and self._keys.has_event else [key]

    @property
    def columns(self) -> dict[str, str | None]:
        """The database's name of the column that fills each field; None where it is not one column."""
        return {name: reader.column for name, reader in self.readers.items()}

    @property
    def key_column(self) -> str | None:
        """The database's name of the column of the sync key; None where it is not one column."""
        return self.columns.get(self._object.key_field(self.columns))

    def convert(self, chunk: Sequence[Column], size: int, errors: RowErrors) -> dict[str, Sequence[Any]]:
        """
        Return the converted values of each field, in the order in which the fields are written.

        :param chunk: columns of the chunk.
        :param size: number of its rows.
        :param errors: receives the rows that are invalid.
        """
        fields: dict[str, Sequence[Any]] = {}
        for field in self._fields:
            if field.name in self._constants:
                fields[field.name] = [self._constants[field.name]] * size
                continue
            reader = self.readers[field.name]
            values = reader.read(chunk, size, errors)
            required = field.name not in self._optional
            fields[field.name] = convert_field(field, values, self._converter, required, errors, reader.column)
        if self._object.derives_key and self._event:
            key = self._object.key
            column = self.readers[key].column
            fields[key] = self._keys.derive(fields[self._event], fields[key], errors, column)
        return fields

    def person_keys(self, fields: FieldValues, errors: RowErrors) -> Sequence[str]:
        """
        Return the person whom each row concerns; the sync key, for an object that has no other.

        :param fields: converted values of each field.
        :param errors: receives the rows that name no person, or two.
        """
        given = [self._person_keys(name, fields[name]) for name in self._object.person_fields if name in fields]
        if len(given) == 1:
            return given[0]  # type: ignore[return-value]  # a row without one is invalid already
        person_keys = []
        for row, candidates in enumerate(zip(*given, strict=True)):
            names = [name for name in candidates if name is not None]
            if len(names) != 1:
                errors.add(row, "person_twice" if names else "person_missing", None)
            person_keys.append(names[0] if names else "")
        return person_keys

    def _person_keys(self, name: str, values: Sequence[str | None]) -> Sequence[str | None]:
        if not self._object.keyed_by_person or name == self._object.key:
            return values
        return [value if value is None else self._object.person_key(name, value) for value in values]

    def _convert_constant(self, field: Field, value: Any) -> str | None:
        errors = RowErrors()
        [text] = convert_field(field, [value], self._converter, True, errors, None)
        if errors:
            raise ModelError(f"{field.name} can't be {value!r}: {errors[0].reason}.")
        return text


def _role(field: Field, heap_object: HeapObject) -> str:
    """Return what messages call a field: the parameter of the operators that names its column."""
    if field.kind is FieldKind.NAME:
        return "event_column"
    return "insert_id" if heap_object.derives_key and field.name == heap_object.key else field.name
