"""What the user wrote: which column fills which field and property."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from airflow_provider_heap.api.objects import MAX_PROPERTY_LENGTH, HeapObject
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.mapping.columns import ColumnIndex
from airflow_provider_heap.sync.mapping.constant import Constant, PropertyValue
from airflow_provider_heap.sync.mapping.generated_names import is_generated
from airflow_provider_heap.sync.mapping.texts import is_utf8, utf16_length

if TYPE_CHECKING:
    from airflow_provider_heap.sync.mapping.mapper import RowMapper

#: Raised when a release makes other bytes from the same values: then all state is of old items, and the log says so.
ENCODING_VERSION = 1


@dataclass(frozen=True)
class FieldMapping:
    """
    Which column fills which field and property.

    :param heap_object: what the rows become.
    :param fields: column or constant that fills each field, by Heap's name of the field.
    :param properties: what fills each property, by its name in Heap; or a list of columns that keep their names; or
        None for every column that fills no field.
    :param optional: names of the fields that a null leaves out; a null in another makes the row invalid.
    :param nulls: ``omit`` leaves a null property out, ``empty`` sends an empty text.
    :param nested: dicts and lists: ``flatten`` to dotted names, or ``json`` for one text.
    :param timezone: time zone of timestamps that carry none.
    :param insert_id_scope: ``event`` derives the idempotency key from the event's name and the insert ID, ``app`` takes
        the insert ID as it is.
    """

    heap_object: HeapObject
    fields: dict[str, str | Constant]
    properties: dict[str, PropertyValue] | Sequence[str] | None = None
    optional: frozenset[str] = frozenset()
    nulls: str = "omit"
    nested: str = "flatten"
    timezone: str = "UTC"
    insert_id_scope: str = "event"

    def bind(self, columns: Sequence[str], watched: Iterable[str] = ()) -> RowMapper:
        """
        Return the mapper of rows that have these columns.

        :param columns: names of the query's columns, in order.
        :param watched: names of properties, or names inside a flattened one. Each chunk counts its rows that have a
            value for them.
        :raises ModelError: when mapping and columns don't fit, naming the columns that there are; when a watched name
            is not a property.
        """
        # Imported here, because DAG files import this module: a mapper is needed only when a task runs.
        from airflow_provider_heap.sync.mapping.item_fields import ItemFields
        from airflow_provider_heap.sync.mapping.item_properties import ItemProperties
        from airflow_provider_heap.sync.mapping.mapper import RowMapper
        from airflow_provider_heap.sync.mapping.values import Converter

        index = ColumnIndex(columns)
        _check_choice("nulls", self.nulls, ("omit", "empty"))
        _check_choice("nested", self.nested, ("flatten", "json"))
        _check_choice("insert_id_scope", self.insert_id_scope, ("event", "app"))
        try:
            converter = Converter(self.timezone)
        except ValueError as error:
            raise ModelError(str(error)) from None
        fields = ItemFields(self.heap_object, self.fields, self.optional, self.insert_id_scope, index, converter)
        sources = self._property_sources(index)
        properties = ItemProperties(sources, index, converter, self.nulls, self.nested, watched)
        return RowMapper(self.heap_object, index, fields, properties, self._signature(sources))

    def _property_sources(self, columns: ColumnIndex) -> dict[str, PropertyValue]:
        """Return what fills each property, by its name in Heap."""
        properties = self.properties
        if isinstance(properties, str) or not isinstance(properties, dict | Sequence | None):
            raise ModelError(f"properties takes a dict, a list of columns or None; found {type(properties).__name__}.")
        if properties is None:
            used = {columns.position(name, role) for role, name in self.fields.items() if isinstance(name, str)}
            properties = [name for position, name in enumerate(columns.names) if position not in used]
            _refuse_generated(properties)
        sources: dict[str, PropertyValue] = (
            dict(properties) if isinstance(properties, dict) else {name: name for name in properties}
        )
        for name in sources:
            self._check_name(name)
        return sources

    def _check_name(self, name: object) -> None:
        if not isinstance(name, str) or not name.strip():
            raise ModelError(f"A property needs a name of text; found {name!r}.")
        if name.lower() in self.heap_object.reserved:
            raise ModelError(
                f"Heap does not allow a property named {name!r} on a {self.heap_object.name}, in any casing: "
                f"map the column to another name, such as properties={{'External ID': {name!r}}}."
            )
        if "{{" in name or "{%" in name:
            raise ModelError(
                f"The property name {name[:50]!r} has Jinja in it that was not rendered; Heap would keep it as it is."
            )
        if utf16_length(name) > MAX_PROPERTY_LENGTH or not is_utf8(name):
            raise ModelError(
                f"The property name {name[:50]!r}... is longer than the {MAX_PROPERTY_LENGTH} characters of Heap."
            )

    def _signature(self, sources: Mapping[str, PropertyValue]) -> str:
        """Return the number of the encoding and a digest of everything that decides the bytes of items."""
        parts = [
            self.fields,
            sorted((name, repr(source)) for name, source in sources.items()),
            self.nulls,
            self.nested,
            self.timezone,
            self.insert_id_scope,
        ]
        digest = blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        return f"{ENCODING_VERSION}:{digest}"


def _refuse_generated(names: Sequence[str]) -> None:
    """Raise ModelError when a column that would become a property of its own name has no name of its own."""
    if generated := [name for name in names if is_generated(name)]:
        listed = ", ".join(repr(name[:50]) for name in generated)
        raise ModelError(
            f"The model has columns that are expressions without a name: {listed}. Heap would keep properties of these "
            "names forever. Give each an alias in the query (count(*) as orders), or name all properties with "
            "properties={...}."
        )


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ModelError(f"{name} must be {' or '.join(map(repr, choices))}; found {value!r}.")
