"""Map records in Heap's own item shape, as a hook's caller passes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any
from uuid import uuid4

from airflow_provider_heap.api.objects import MAX_ITEMS, PROPERTIES, HeapObject
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.items import MappedChunk, MappedRows
from airflow_provider_heap.sync.mapping import FieldMapping
from airflow_provider_heap.sync.mapping.mapper import RowMapper


@contextmanager
def open_records(heap_object: HeapObject, records: Iterable[dict[str, Any]]) -> Iterator[MappedRows]:
    """
    Map records as they are read.

    :param heap_object: what they are.
    :param records: dicts of the object's fields and ``properties``, of which all are mapped.
    :raises ModelError: when a record has another shape, naming its number.
    """
    if isinstance(records, dict | str | bytes) or not _is_iterable(records):
        kind = "None" if records is None else f"one {type(records).__name__}"
        raise ModelError(f"records must be a list, or another iterable of dicts; found {kind}.")
    yield MappedRows(_chunks(heap_object, records), key_column=heap_object.key)


def _is_iterable(records: object) -> bool:
    try:
        iter(records)  # type: ignore[call-overload]
    except TypeError:
        return False
    return True


def _chunks(heap_object: HeapObject, records: Iterable[dict[str, Any]]) -> Iterator[MappedChunk]:
    first = 1
    remaining = iter(records)
    while chunk := list(islice(remaining, MAX_ITEMS)):
        for number, record in enumerate(chunk, start=first):
            _check(heap_object, number, record)
        names = list(dict.fromkeys(name for record in chunk for name in _properties(record)))
        rows = [_row(heap_object, record, names) for record in chunk]
        yield _mapper(heap_object, names).map(rows, first)
        first += len(chunk)


def _mapper(heap_object: HeapObject, names: Sequence[str]) -> RowMapper:
    """Return a mapper for the properties of one chunk; the columns are named as the record's keys."""
    fields = [field.name for field in heap_object.fields]
    mapping = FieldMapping(
        heap_object,
        fields={name: name for name in fields},
        properties={name: f"{PROPERTIES}.{name}" for name in names} if heap_object.has_properties else None,
        # Of several fields that may name the person, one must be there; the mapper sees to that.
        optional=frozenset(
            field.name
            for field in heap_object.fields
            if not field.required and (field.name != heap_object.key or heap_object.keyed_by_person)
        ),
        insert_id_scope="app",
    )
    return mapping.bind([*fields, *(f"{PROPERTIES}.{name}" for name in names)])


def _row(heap_object: HeapObject, record: dict[str, Any], names: Sequence[str]) -> tuple[Any, ...]:
    if heap_object.derives_key and record.get(heap_object.key) is None:
        record = {**record, heap_object.key: uuid4().hex}
    properties = _properties(record)
    return (*(record.get(field.name) for field in heap_object.fields), *map(properties.get, names))


def _properties(record: dict[str, Any]) -> dict[str, Any]:
    return record.get(PROPERTIES) or {}


def _check(heap_object: HeapObject, number: int, record: object) -> None:
    known = [*(field.name for field in heap_object.fields), *([PROPERTIES] if heap_object.has_properties else [])]
    if not isinstance(record, dict):
        raise ModelError(f"Record {number} must be a dict; found a {type(record).__name__}.")
    properties = record.get(PROPERTIES)
    if properties is not None and not isinstance(properties, dict):
        raise ModelError(f"Record {number} must have its properties in a dict; found a {type(properties).__name__}.")
    if unknown := record.keys() - set(known):
        raise ModelError(
            f"Record {number} has {', '.join(map(repr, sorted(unknown, key=str)))}, which is not a field of a Heap "
            f"{heap_object.name} ({', '.join(sorted(known[:-1]) + known[-1:])})."
            f"{' Put it into properties.' if heap_object.has_properties else ''}"
        )
