"""
From the rows of a model to Heap's items.

A :class:`FieldMapping` is what the user wrote. Bound to the columns that a query really has, it turns chunks of rows
into the bytes of items. It works by column: each is asked once which types it holds, and only odd ones are looked at
value by value; then all items of a chunk are encoded at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, ClassVar, Protocol

from airflow_provider_heap.api.idempotency import event_hasher
from airflow_provider_heap.api.objects import (
    MAX_PROPERTY_LENGTH,
    MIN_IDEMPOTENCY_KEY_LENGTH,
    Field,
    FieldKind,
    HeapObject,
)
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.items import InvalidRow, ItemBatch, MappedChunk
from airflow_provider_heap.sync.mapping.columns import ColumnIndex
from airflow_provider_heap.sync.mapping.encoder import MISSING, ItemEncoder
from airflow_provider_heap.sync.mapping.fields import texts
from airflow_provider_heap.sync.mapping.flatten import Flattener
from airflow_provider_heap.sync.mapping.row_errors import RowErrors
from airflow_provider_heap.sync.mapping.row_template import RowTemplate
from airflow_provider_heap.sync.mapping.values import Converter, NotEncodable, encodable, is_utf8, shorten, utf16_length

#: Raised when a release makes other bytes out of the same values: then all state is of old items, and the log says so.
ENCODING = 1
#: Event names whose hash is kept. A sync has a few, but a column may hold anything.
MAX_EVENTS = 1000
#: Shapes that are kept. A mapping has one, but for dicts and lists with ever new names inside.
MAX_SHAPES = 100


@dataclass(frozen=True)
class Constant:
    """
    The same value for every row.

    :param value: any value that a column could hold. (templated)
    """

    template_fields: ClassVar[tuple[str, ...]] = ("value",)

    value: Any


PropertyValue = str | Constant | RowTemplate


@dataclass(frozen=True)
class FieldMapping:
    """
    Which column goes where.

    :param heap_object: what the rows become.
    :param fields: Heap's field and the column, or the constant, that fills it.
    :param properties: Heap's property and its source; a list of columns that keep their names; None for every column
        that has no other role.
    :param optional: the fields that a null leaves out; a null in any other makes the row invalid.
    :param nulls: ``omit`` leaves a null property out, ``empty`` sends an empty text.
    :param nested: dicts and lists: ``flatten`` to dotted names, or ``json`` for one text.
    :param timezone: of timestamps that carry none.
    :param insert_id_scope: ``event`` makes the idempotency key out of the event's name and the insert ID, ``app`` takes
        the insert ID as it stands.
    """

    heap_object: HeapObject
    fields: dict[str, str | Constant]
    properties: dict[str, PropertyValue] | Sequence[str] | None = None
    optional: frozenset[str] = frozenset()
    nulls: str = "omit"
    nested: str = "flatten"
    timezone: str = "UTC"
    insert_id_scope: str = "event"

    def bind(self, columns: Sequence[str]) -> RowMapper:
        """
        Fit the mapping to the columns of a query.

        :param columns: their names, in order.
        :raises ModelError: when the two can't work together, naming the columns that there are.
        """
        return RowMapper(self, ColumnIndex(columns))


class Mapper(Protocol):
    """What turns rows into items."""

    @property
    def signature(self) -> str | None:
        """The mapping in a few digits; None when there is none to remember."""

    @property
    def key_column(self) -> str | None:
        """The column that the sync key comes from; None when it comes from none."""

    def watch(self, names: Iterable[str]) -> dict[str, int]:
        """Count from now on in how many rows each property has a value."""

    def items(self, rows: Sequence[Any], first: int) -> MappedChunk:
        """Turn a chunk of rows into items."""


#: Gives the values of a source, one a row, out of a chunk's columns and its number of rows.
Reader = Callable[[Sequence[Sequence[Any]], int, RowErrors], Sequence[Any]]


class _HasherCache(dict[str, blake2b]):
    """The hash of each event's name, to go on with for each of its insert IDs."""

    def __missing__(self, event: str) -> blake2b:
        if len(self) >= MAX_EVENTS:
            self.clear()
        begun = self[event] = event_hasher(event)
        return begun


class RowMapper:
    """
    A mapping that knows where each column stands. Made by :meth:`FieldMapping.bind`.

    :param mapping: what the user wrote.
    :param columns: the columns of the query.
    """

    def __init__(self, mapping: FieldMapping, columns: ColumnIndex) -> None:
        _check_choice("nulls", mapping.nulls, ("omit", "empty"))
        _check_choice("nested", mapping.nested, ("flatten", "json"))
        _check_choice("insert_id_scope", mapping.insert_id_scope, ("event", "app"))
        try:
            self._converter = Converter(mapping.timezone)
        except ValueError as error:
            raise ModelError(str(error)) from None
        self._mapping = mapping
        self._columns = columns
        self._key = mapping.heap_object.key
        self._event = next(
            (field.name for field in mapping.heap_object.fields if field.kind is FieldKind.NAME), self._key
        )
        self._nested = Flattener(self._converter, mapping.nested)
        self._begun = _HasherCache()
        self._used: set[int] = set()
        self._shapes: dict[tuple[str, ...], ItemEncoder] = {}
        self._constants: dict[str, str | None] = {}
        # How many rows had a value, for each property that watch() was told.
        self._filled: dict[str, int] = {}
        self._fields = [
            (field, self._bind_field(field)) for field in mapping.heap_object.fields if field.name in mapping.fields
        ]
        self._properties = self._bind_properties()
        self._nested.taken = frozenset(name for name, _ in self._properties)

    @property
    def signature(self) -> str:
        """The mapping in a few digits, behind the number of the encoding: another one makes other items."""
        mapping = self._mapping
        parts = [
            mapping.fields,
            sorted(self._sources.items()),
            mapping.nulls,
            mapping.nested,
            mapping.timezone,
            mapping.insert_id_scope,
        ]
        return f"{ENCODING}:{blake2b(repr(parts).encode('utf-8', 'surrogatepass'), digest_size=8).hexdigest()}"

    @property
    def key_column(self) -> str | None:
        """The column that the sync key comes from, as the database calls it."""
        return self._column(self._mapping.fields[self._key])

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the query, in order."""
        return self._columns.names

    @property
    def unused(self) -> list[str]:
        """The columns that fill nothing."""
        return [name for place, name in enumerate(self.columns) if place not in self._used]

    @property
    def origins(self) -> dict[str, str]:
        """What fills each field and each property: a column, as the database calls it, or what else the user wrote."""
        sources = {field.name: self._mapping.fields[field.name] for field, _ in self._fields}
        found = {name: self._column(source) or repr(source) for name, source in sources.items()}
        return found | {name: column or self._sources.get(name, "") for name, column in self._columns_of.items()}

    def watch(self, names: Iterable[str]) -> dict[str, int]:
        """
        Count from now on in how many rows each property has a value, and return where the counts will stand.

        :param names: properties, or names inside of one that is flattened.
        :raises ModelError: when one of them is no property.
        """
        known = [name for name, _ in self._properties]
        inside = tuple(f"{name}." for name in known) if self._mapping.nested == "flatten" else ()
        for name in names:
            if name not in known and not name.startswith(inside):
                listed = ", ".join(map(repr, known)) or "none"
                raise ModelError(f"max_null names {name!r}, which is no property of this sync. There are: {listed}.")
            self._filled[name] = 0
        return self._filled

    def items(self, rows: Sequence[Sequence[Any]], first: int) -> MappedChunk:
        """
        Turn a chunk of rows into items.

        :param rows: the rows, each as long as there are columns.
        :param first: the number of the first of them.
        :raises ModelError: when one column makes too many properties.
        """
        chunk = list(zip(*rows, strict=True))
        size = len(rows)
        faults = RowErrors()
        cuts: list[int] = []
        fields = self._texts(chunk, size, faults)
        person_keys = self._people(fields, size, faults)
        properties = self._values(chunk, size, faults)
        bodies = self._encode(fields, properties, size, faults, cuts)
        items = ItemBatch(range(first, first + size), fields[self._key], person_keys, bodies)
        return self._sort_out(rows, first, items, faults, cuts)

    def _values(self, chunk: Sequence[Sequence[Any]], size: int, faults: RowErrors) -> dict[str, Sequence[Any]]:
        """Return the converted values of each property."""
        found: dict[str, Sequence[Any]] = {}
        opened: dict[str, Sequence[Any]] = {}
        closed: dict[str, Sequence[Any]] = {}
        for name, reader in self._properties:
            faults.column = self._columns_of[name]
            values = reader(chunk, size, faults)
            kinds = set(map(type, values))
            if self._nested.concerns(kinds):
                closed[name] = values
                values, leaves = self._nested.open(name, values, opened, faults)
                kinds = set(map(type, values))
                for leaf, inner in leaves.items():
                    self._columns_of.setdefault(leaf, faults.column)
                    opened[leaf] = self._converter.column(inner, set(map(type, inner)), faults)
            found[name] = self._converter.column(values, kinds, faults)
        found |= opened
        for name in self._filled:
            values = closed.get(name) or found.get(name, ())
            self._filled[name] += len(values) - values.count(None) - values.count(MISSING)
        # In the order of their names, so that the bytes of an item depend neither on the order of the columns nor on
        # the other rows of its chunk.
        found = dict(sorted(found.items()))
        if self._mapping.nulls == "empty":
            for name, values in found.items():
                if None in values:
                    found[name] = ["" if value is None else value for value in values]
        return found

    def _encode(
        self,
        fields: dict[str, list[Any]],
        properties: dict[str, Sequence[Any]],
        size: int,
        faults: RowErrors,
        cuts: list[int],
    ) -> list[bytes]:
        shape = self._shape(tuple(fields), tuple(properties))
        columns: list[Sequence[Any]] = [*fields.values(), *properties.values()]
        try:
            bodies = shape.encode(columns, size)
        except UnicodeEncodeError:
            names = [self._column(self._mapping.fields[name]) for name in fields]
            names += map(self._columns_of.get, properties)
            for place, faults.column in enumerate(names):
                columns[place] = encodable(columns[place], faults)
            bodies = shape.encode(columns, size)
        # A UTF-16 unit is a byte of JSON at least: an item of no more bytes holds no text that is too long.
        if max(map(len, bodies)) > MAX_PROPERTY_LENGTH:
            columns[len(fields) :] = [shorten(values, cuts) for values in columns[len(fields) :]]
            if cuts:
                bodies = shape.encode(columns, size)
        return bodies

    def _shape(self, fields: tuple[str, ...], properties: tuple[str, ...]) -> ItemEncoder:
        shape = self._shapes.get(properties)
        if shape is None:
            if len(self._shapes) >= MAX_SHAPES:
                self._shapes.clear()
            shape = self._shapes[properties] = ItemEncoder(fields, properties)
        return shape

    def _sort_out(
        self, rows: Sequence[Sequence[Any]], first: int, items: ItemBatch, faults: RowErrors, cuts: list[int]
    ) -> MappedChunk:
        if not faults:
            return MappedChunk(items, [], len(cuts))
        sound = [row not in faults for row in range(len(rows))]
        names = self._columns.names
        invalid = [
            InvalidRow(first + row, faults[row].reason, faults[row].column, dict(zip(names, rows[row], strict=True)))
            for row in faults
        ]
        return MappedChunk(items.select(sound), invalid, sum(row not in faults for row in cuts))

    def _texts(self, chunk: Sequence[Sequence[Any]], size: int, faults: RowErrors) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for field, reader in self._fields:
            if field.name in self._constants:
                found[field.name] = [self._constants[field.name]] * size
                continue
            required = field.name not in self._mapping.optional
            faults.column = self._column(self._mapping.fields[field.name])
            found[field.name] = texts(field, reader(chunk, size, faults), self._converter, required, faults)
        if self._mapping.heap_object.derives_key:
            found[self._key] = self._idempotency_keys(found, faults)
        return found

    def _idempotency_keys(self, found: dict[str, list[Any]], faults: RowErrors) -> list[str | None]:
        insert_ids = found[self._key]
        if self._mapping.insert_id_scope == "event":
            return self._hashes(found[self._event], insert_ids)
        for row, insert_id in enumerate(insert_ids):
            if insert_id is not None and len(insert_id) < MIN_IDEMPOTENCY_KEY_LENGTH:
                faults.add(row, f"{self._key}_too_short")
        return insert_ids

    def _hashes(self, events: Sequence[str | None], insert_ids: Sequence[str | None]) -> list[str | None]:
        """Do for a column what :func:`.idempotency_key` does for one event."""
        hashes: list[str | None] = []
        begun = self._begun
        for event, insert_id in zip(events, insert_ids, strict=True):
            if event is None or insert_id is None:
                hashes.append(None)
                continue
            found = begun[event].copy()
            found.update(insert_id.encode("utf-8", "surrogatepass"))
            hashes.append(found.hexdigest())
        return hashes

    def _people(self, found: dict[str, list[Any]], size: int, faults: RowErrors) -> Sequence[str]:
        """Give for each row the one person that it concerns."""
        named = [found[name] for name in self._mapping.heap_object.person_fields if name in found]
        if len(named) == 1:
            return named[0]
        person_keys = []
        for row, candidates in enumerate(zip(*named, strict=True)):
            given = [name for name in candidates if name is not None]
            if len(given) != 1:
                faults.add(row, "person_missing" if not given else "person_twice")
            person_keys.append(given[0] if given else "")
        return person_keys

    def _bind_properties(self) -> list[tuple[str, Reader]]:
        wanted = self._mapping.properties
        if wanted is None:
            used = {
                self._columns.find(name, role) for role, name in self._mapping.fields.items() if isinstance(name, str)
            }
            wanted = [name for place, name in enumerate(self._columns.names) if place not in used]
        elif isinstance(wanted, str) or not isinstance(wanted, dict | Sequence):
            raise ModelError(f"properties takes a dict, a list of columns or None; found {type(wanted).__name__}.")
        sources: dict[str, Any] = wanted if isinstance(wanted, dict) else {name: name for name in wanted}
        for name in sources:
            self._check_name(name)
        readers = [(name, self._reader(source, f"property {name!r}")) for name, source in sources.items()]
        self._columns_of = {name: self._column(source) for name, source in sources.items()}
        self._sources = {name: repr(source) for name, source in sources.items()}
        return readers

    def _column(self, source: Any) -> str | None:
        """Return the database's name of a source's column; None when it isn't one."""
        return self._columns.names[self._columns.find(source, "")] if isinstance(source, str) else None

    def _check_name(self, name: object) -> None:
        heap_object = self._mapping.heap_object
        if not isinstance(name, str) or not name.strip():
            raise ModelError(f"A property needs a name of text; found {name!r}.")
        if name.lower() in heap_object.reserved:
            raise ModelError(
                f"Heap does not allow a property named {name!r} on a {heap_object.name}, in any casing: "
                f"map the column to another name, such as properties={{'External ID': {name!r}}}."
            )
        if utf16_length(name) > MAX_PROPERTY_LENGTH or not is_utf8(name):
            raise ModelError(
                f"The property name {name[:50]!r}... is longer than the {MAX_PROPERTY_LENGTH} characters of Heap."
            )

    def _bind_field(self, field: Field) -> Reader:
        source = self._mapping.fields[field.name]
        if isinstance(source, Constant):
            faults = RowErrors()
            [self._constants[field.name]] = texts(field, [source.value], self._converter, True, faults)
            if faults:
                raise ModelError(f"{field.name} can't be {source.value!r}: {faults[0].reason}.")
        return self._reader(source, field.name)

    def _reader(self, source: Any, role: str) -> Reader:
        """Return what reads a source out of a chunk."""
        if isinstance(source, str):
            place = self._columns.find(source, role)
            self._used.add(place)
            return lambda chunk, size, faults: chunk[place]
        if isinstance(source, RowTemplate):
            bound = source.bind(self._columns, role)
            self._used.update(bound.places.values())
            return bound.render
        if isinstance(source, Constant):
            value = source.value
            if not self._nested.concerns({type(value)}):
                try:
                    self._converter.value(value)
                except NotEncodable:
                    raise ModelError(f"{role}: a Constant of type {type(value).__name__} has no JSON form.") from None
            return lambda chunk, size, faults: [value] * size
        raise ModelError(f"{role} takes a column's name, a Constant or a RowTemplate; found {type(source).__name__}.")


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ModelError(f"{name} must be {' or '.join(map(repr, choices))}; found {value!r}.")
