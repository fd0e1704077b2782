"""
From the rows of a model to Heap's items.

A :class:`Mapping` is what the user wrote; bound to the columns that a query really has, it turns chunks of rows into
the bytes of items. It works by column: each column of a chunk becomes a list of JSON fragments such as
``,"plan":"pro"``, empty where a null is left out, and an item is its fragments joined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import compress, repeat
from typing import Any, ClassVar

from airflow_provider_heap.api.objects import (
    MAX_PROPERTY_LENGTH,
    MIN_IDEMPOTENCY_KEY_LENGTH,
    Field,
    HeapObject,
    Kind,
)
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.columns import Columns
from airflow_provider_heap.sync.faults import Faults
from airflow_provider_heap.sync.fields import texts
from airflow_provider_heap.sync.items import InvalidRow, Items
from airflow_provider_heap.sync.nested import Nested
from airflow_provider_heap.sync.row_template import RowTemplate
from airflow_provider_heap.sync.values import (
    Converter,
    NoJsonForm,
    encodable,
    encode,
    encode_each,
    utf16_length,
)

#: Event names whose hash is kept. A sync has a few, but a column may hold anything.
MAX_EVENTS = 1000

_OPEN, _CLOSE = b',"properties":{', b"}}"


@dataclass(frozen=True)
class Constant:
    """
    The same value for every row.

    :param value: any value that a column could hold. (templated)
    """

    template_fields: ClassVar[tuple[str, ...]] = ("value",)

    value: Any


Source = str | Constant | RowTemplate


@dataclass(frozen=True)
class Mapping:
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
    properties: dict[str, Source] | Sequence[str] | None = None
    optional: frozenset[str] = frozenset()
    nulls: str = "omit"
    nested: str = "flatten"
    timezone: str = "UTC"
    insert_id_scope: str = "event"

    def bind(self, columns: Sequence[str]) -> BoundMapping:
        """
        Fit the mapping to the columns of a query.

        :param columns: their names, in order.
        :raises ModelError: when the two can't work together, naming the columns that there are.
        """
        return BoundMapping(self, Columns(columns))


@dataclass(frozen=True, slots=True)
class Mapped:
    """
    What became of a chunk of rows.

    :param items: the rows that can be sent.
    :param invalid: the rows that can't.
    :param truncated: how many texts of the items were cut.
    """

    items: Items
    invalid: list[InvalidRow]
    truncated: int


#: Gives the values of a source, one a row, out of a chunk's columns and its number of rows.
Reader = Callable[[Sequence[Sequence[Any]], int, Faults], Sequence[Any]]


class BoundMapping:
    """
    A mapping that knows where each column stands. Made by :meth:`Mapping.bind`.

    :param mapping: what the user wrote.
    :param columns: the columns of the query.
    """

    def __init__(self, mapping: Mapping, columns: Columns) -> None:
        _check_choice("nulls", mapping.nulls, ("omit", "empty"))
        _check_choice("nested", mapping.nested, ("flatten", "json"))
        _check_choice("insert_id_scope", mapping.insert_id_scope, ("event", "app"))
        try:
            self._converter = Converter(mapping.timezone)
        except ValueError as error:
            raise ModelError(str(error)) from None
        self._mapping = mapping
        self._columns = columns
        self._null = b"" if mapping.nulls == "omit" else b'""'
        self._key = mapping.heap_object.key
        self._event = next((field.name for field in mapping.heap_object.fields if field.kind is Kind.NAME), self._key)
        self._nested = Nested(self._converter, mapping.nested)
        # The hash of each event's name, to go on with for each of its insert IDs.
        self._begun: dict[str, blake2b] = {}
        self._fields = [
            (field, self._bind_field(field)) for field in mapping.heap_object.fields if field.name in mapping.fields
        ]
        self._properties = self._bind_properties()
        self._nested.taken = frozenset(name for name, _ in self._properties)

    def items(self, rows: Sequence[Sequence[Any]], first: int) -> Mapped:
        """
        Turn a chunk of rows into items.

        :param rows: the rows, each as long as there are columns.
        :param first: the number of the first of them.
        :raises ModelError: when one column makes too many properties.
        """
        chunk = list(zip(*rows, strict=True))
        size = len(rows)
        faults = Faults()
        cuts: list[int] = []
        found = self._texts(chunk, size, faults)
        parts: list[Iterable[bytes]] = [
            self._fragments(field.name, found[field.name], faults, b"," if place else b"{", b"")
            for place, (field, _) in enumerate(self._fields)
        ]
        parts.append(repeat(_OPEN))
        self._nested.begin()
        for name, reader in self._properties:
            faults.column = self._columns_of[name]
            values = reader(chunk, size, faults)
            parts.append(self._property(name, values, faults, cuts))
        bodies = list(map(b"".join, zip(*parts, repeat(_CLOSE))))
        if self._properties:
            # The first property that a row has brings a comma too many. Inside of a text the quotes would be escaped.
            bodies = [body.replace(_OPEN + b",", _OPEN, 1) for body in bodies]
        people = self._people(found, size, faults)
        return self._sort_out(
            rows, first, Items(range(first, first + size), found[self._key], people, bodies), faults, cuts
        )

    def _sort_out(
        self, rows: Sequence[Sequence[Any]], first: int, items: Items, faults: Faults, cuts: list[int]
    ) -> Mapped:
        if not faults:
            return Mapped(items, [], len(cuts))
        sound = [row not in faults for row in range(len(rows))]
        kept = Items(
            list(compress(items.numbers, sound)),
            list(compress(items.keys, sound)),
            list(compress(items.people, sound)),
            list(compress(items.bodies, sound)),
        )
        names = self._columns.names
        invalid = [
            InvalidRow(first + row, faults[row].reason, faults[row].column, dict(zip(names, rows[row], strict=True)))
            for row in faults
        ]
        return Mapped(kept, invalid, sum(row not in faults for row in cuts))

    def _texts(self, chunk: Sequence[Sequence[Any]], size: int, faults: Faults) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for field, reader in self._fields:
            required = field.name not in self._mapping.optional
            faults.column = self._column(self._mapping.fields[field.name])
            found[field.name] = texts(field, reader(chunk, size, faults), self._converter, required, faults)
        if self._key not in self._mapping.heap_object.person:
            found[self._key] = self._idempotency_keys(found, faults)
        return found

    def _idempotency_keys(self, found: dict[str, list[Any]], faults: Faults) -> list[str | None]:
        """Heap hashes the key alone: without the event in it, order 42 and refund 42 would be one event."""
        insert_ids = found[self._key]
        if self._mapping.insert_id_scope == "event":
            return list(map(self._hash, found[self._event], insert_ids))
        for row, insert_id in enumerate(insert_ids):
            if insert_id is not None and len(insert_id) < MIN_IDEMPOTENCY_KEY_LENGTH:
                faults.add(row, f"{self._key}_too_short")
        return insert_ids

    def _hash(self, event: str | None, insert_id: str | None) -> str | None:
        if event is None or insert_id is None:
            return None
        begun = self._begun.get(event)
        if begun is None:
            if len(self._begun) >= MAX_EVENTS:
                self._begun.clear()
            begun = self._begun[event] = blake2b(f"{event}\x1f".encode("utf-8", "surrogatepass"), digest_size=16)
        digest = begun.copy()
        digest.update(insert_id.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def _people(self, found: dict[str, list[Any]], size: int, faults: Faults) -> Sequence[str]:
        """Give for each row the one person that it concerns."""
        named = [found[name] for name in self._mapping.heap_object.person if name in found]
        if len(named) == 1:
            return named[0]
        people = []
        for row, candidates in enumerate(zip(*named, strict=True)):
            given = [name for name in candidates if name is not None]
            if len(given) != 1:
                faults.add(row, "person_missing" if not given else "person_twice")
            people.append(given[0] if given else "")
        return people

    def _property(self, name: str, values: Sequence[Any], faults: Faults, cuts: list[int]) -> list[bytes]:
        if self._nested.concerns(values):
            return self._nested_property(name, values, faults, cuts)
        return self._fragments(name, self._converter.column(values, faults, cuts), faults, b",", self._null)

    def _nested_property(self, name: str, values: Sequence[Any], faults: Faults, cuts: list[int]) -> list[bytes]:
        leaves = self._nested.leaves(name, values, faults)
        leaf_faults = Faults()
        leaf_cuts: list[int] = []
        converted = self._converter.column([value for _, _, value in leaves], leaf_faults, leaf_cuts)
        lines = _lines(converted, leaf_faults)
        for place in leaf_faults:
            faults.add(leaves[place][0], leaf_faults[place].reason)
        cuts += [leaves[place][0] for place in leaf_cuts]
        fragments = [b""] * len(values)
        for (row, leaf, _), line in zip(leaves, lines.splitlines(), strict=True):
            line = self._null if line == b"null" else line
            if line and row not in faults:
                fragments[row] += b"," + encode(leaf) + b":" + line
        return fragments

    def _fragments(self, name: str, values: Sequence[Any], faults: Faults, before: bytes, null: bytes) -> list[bytes]:
        """Return ``"name":value`` in JSON for each value; ``null`` stands for a null, and nothing when empty."""
        prefix = before + encode(name) + b":"
        text = prefix + _lines(values, faults)[:-1].replace(b"\n", b"\n" + prefix)
        # A prefix can't stand inside of a text, where its quotes would be escaped.
        return text.replace(prefix + b"null", prefix + null if null else b"").split(b"\n")

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
        if utf16_length(name) > MAX_PROPERTY_LENGTH:
            raise ModelError(
                f"The property name {name[:50]!r}... is longer than the {MAX_PROPERTY_LENGTH} characters of Heap."
            )

    def _bind_field(self, field: Field) -> Reader:
        source = self._mapping.fields[field.name]
        if isinstance(source, Constant):
            faults = Faults()
            texts(field, [source.value], self._converter, True, faults)
            if faults:
                raise ModelError(f"{field.name} can't be {source.value!r}: {faults[0].reason}.")
        return self._reader(source, field.name)

    def _reader(self, source: Any, role: str) -> Reader:
        """Return what reads a source out of a chunk."""
        if isinstance(source, str):
            place = self._columns.find(source, role)
            return lambda chunk, size, faults: chunk[place]
        if isinstance(source, RowTemplate):
            return source.bind(self._columns, role).render
        if isinstance(source, Constant):
            value = source.value
            if not self._nested.concerns([value]):
                try:
                    self._converter.value(value)
                except NoJsonForm:
                    raise ModelError(f"{role}: a Constant of type {type(value).__name__} has no JSON form.") from None
            return lambda chunk, size, faults: [value] * size
        raise ModelError(f"{role} takes a column's name, a Constant or a RowTemplate; found {type(source).__name__}.")


def _lines(values: Sequence[Any], faults: Faults) -> bytes:
    try:
        return encode_each(values)
    except UnicodeEncodeError:
        return encode_each(encodable(values, faults))


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ModelError(f"{name} must be {' or '.join(map(repr, choices))}; found {value!r}.")
