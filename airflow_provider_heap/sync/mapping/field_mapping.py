"""What the user wrote: which column fills which field and property."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from airflow_provider_heap.api.objects import MAX_PROPERTY_LENGTH, FieldKind, HeapObject
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.mapping.columns import ColumnIndex
from airflow_provider_heap.sync.mapping.constant import Constant, PropertyValue
from airflow_provider_heap.sync.mapping.generated_names import is_generated
from airflow_provider_heap.sync.mapping.summary import MappingSummary
from airflow_provider_heap.sync.mapping.texts import is_utf8, utf16_length
from airflow_provider_heap.wording import closest

if TYPE_CHECKING:
    from airflow_provider_heap.sync.mapping.mapper import RowMapper

#: Raised when a release makes other bytes from the same values: then all state is of old items, and the log says so.
ENCODING_VERSION = 1

#: What the parameters of these names may be.
NULLS, NESTED, INSERT_ID_SCOPES = ("omit", "empty"), ("flatten", "json"), ("event", "app")


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
        _check_choice("nulls", self.nulls, NULLS)
        _check_choice("nested", self.nested, NESTED)
        _check_choice("insert_id_scope", self.insert_id_scope, INSERT_ID_SCOPES)
        try:
            converter = Converter(self.timezone)
        except ValueError as error:
            raise ModelError(str(error)) from None
        fields = ItemFields(self.heap_object, self.fields, self.optional, self.insert_id_scope, index, converter)
        sources = self._property_sources(index)
        properties = ItemProperties(sources, index, converter, self.nulls, self.nested, watched)
        keys = [fields.columns[name] for name in self._key_fields()]
        summary = MappingSummary(
            {name: fields.columns[name] or source for name, source in fields.sources.items()},
            {name: properties.columns[name] or source for name, source in properties.sources.items()},
            tuple(column for column in keys if column is not None),
            {
                name: tuple(index.names[position] for position in sorted(reader.positions))
                for name, reader in properties.readers.items()
            },
            self._signature(sources),
        )
        return RowMapper(self.heap_object, index, fields, properties, summary)

    def summary(self) -> MappingSummary:
        """Return what is known of the mapping before the query ran: the columns as the user wrote them."""
        keys = tuple(source for name in self._key_fields() if isinstance(source := self.fields.get(name), str))
        properties = self.properties
        if isinstance(properties, Sequence) and not isinstance(properties, str):
            properties = {str(name): str(name) for name in properties}
        return MappingSummary(self.fields, properties if isinstance(properties, dict) else None, keys)

    def _key_fields(self) -> list[str]:
        """Return the names of the fields that the sync key is made from: with an insert ID also the event's name."""
        heap_object = self.heap_object
        derived = heap_object.derives_key and self.insert_id_scope == "event"
        names = [field.name for field in heap_object.fields if derived and field.kind is FieldKind.NAME]
        return [*names, heap_object.key_field(self.fields)]

    def _property_sources(self, columns: ColumnIndex) -> dict[str, PropertyValue]:
        """Return what fills each property, by its name in Heap."""
        properties = self.properties
        if not self.heap_object.has_properties:
            if properties is not None:
                raise ModelError(f"A {self.heap_object.name} has no properties: leave out properties=.")
            return {}
        if isinstance(properties, str) or not isinstance(properties, dict | Sequence | None):
            raise ModelError(
                "properties takes a dict, such as {'Plan': 'plan'}, a list of columns or None; found "
                f"{type(properties).__name__}."
            )
        if properties is None:
            used = {columns.position(name, role) for role, name in self.fields.items() if isinstance(name, str)}
            properties = [name for position, name in enumerate(columns.names) if position not in used]
            _refuse_generated(properties)
        sources: dict[str, PropertyValue] = (
            dict(properties) if isinstance(properties, dict) else {name: name for name in properties}
        )
        for name in sources:
            self._check_name(name)
        _refuse_turned_round(sources, columns)
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


def _refuse_turned_round(sources: Mapping[str, PropertyValue], columns: ColumnIndex) -> None:
    """Raise ModelError when properties seem to have been given as ``{"column": "Heap property"}``."""
    turned = {
        source: name
        for name, source in sources.items()
        if isinstance(source, str) and not columns.has(source) and columns.has(name)
        if not closest(source, columns.names)  # which would rather be misspelt
    }
    if turned:
        column, name = next(iter(turned.items()))
        raise ModelError(
            f"property {name!r} needs the column {column!r}: no such column, but {name!r} is one. properties takes "
            f"{{'Heap property': 'column'}}: if it is turned round, write properties={turned}. The model has: "
            f"{', '.join(map(repr, columns.names))}."
        )


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
