"""Read rejected items from rejects files, to send them again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any

import msgspec

from airflow_provider_heap.api.idempotency import idempotency_key
from airflow_provider_heap.api.objects import MAX_ITEMS, OBJECTS, FieldKind, HeapObject
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.items import ItemBatch, JsonLines, MappedChunk
from airflow_provider_heap.wording import counted

_OBJECTS = {heap_object.name: heap_object for heap_object in OBJECTS}


class RejectedRecord(msgspec.Struct):
    """A line of a rejects file, as far as it is needed."""

    row: int
    kind: str
    reason: str
    sync: str = ""
    object: str = ""
    item: msgspec.Raw = msgspec.Raw(b"{}")

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the item, ``properties`` among them."""
        return msgspec.json.decode(self.item, type=dict[str, Any])


@dataclass(frozen=True)
class RejectsFile:
    """
    A rejects file.

    :param name: what messages call it.
    :param open: opens it for reading bytes.
    """

    name: str
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True)
class RejectFilter:
    """
    Which of the rejected items are to be sent.

    :param reasons: only those that were rejected for one of these; all when empty.
    :param keys: only those of these Account IDs, identities or insert IDs; all when empty.
    :param sync: only those of this sync; all when None.
    """

    reasons: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    sync: str | None = None

    def wants(self, record: RejectedRecord) -> bool:
        """
        Return whether an item is to be sent.

        :param record: its line of the file.
        """
        if record.kind != "rejected" or (self.reasons and record.reason not in self.reasons):
            return False
        if self.sync is not None and record.sync != self.sync:
            return False
        return not self.keys or not self.keys.isdisjoint(self._keys(record))

    def _keys(self, record: RejectedRecord) -> set[str]:
        """Return the key of an item; where it was derived, also each wanted insert ID that it was made from."""
        fields, heap_object = record.fields, _OBJECTS[record.object]
        keys = {heap_object.key_of(fields)}
        if heap_object.derives_key:
            [name] = [fields[field.name] for field in heap_object.fields if field.kind is FieldKind.NAME]
            keys |= {key for key in self.keys if idempotency_key(name, key) in keys}
        return keys


@dataclass(frozen=True)
class RejectsSummary:
    """
    What rejects files hold.

    :param chosen: items to be sent, by sync and object.
    :param others: rejected items that are not wanted.
    :param invalid: rows that never became an item.
    """

    chosen: dict[tuple[str, str], int]
    others: int
    invalid: int

    def only(self) -> tuple[str, HeapObject, int]:
        """
        Return the sync that the items are of, what they are, and how many.

        :raises ModelError: when they are of several, or there are none.
        """
        if len(self.chosen) == 1:
            [((sync, name), count)] = self.chosen.items()
            return sync, _OBJECTS[name], count
        listed = ", ".join(f"{counted(count, name)} of sync {sync!r}" for (sync, name), count in self.chosen.items())
        raise ModelError(
            f"The files hold {listed or 'no item to send'}: name one of the syncs with sync_name, or its folder."
        )


def summarize(files: Iterable[RejectsFile], wanted: RejectFilter) -> RejectsSummary:
    """
    Count what files hold, without sending anything.

    :param files: rejects files.
    :param wanted: which items count.
    :raises ModelError: when a file is not a rejects file.
    """
    chosen: Counter[tuple[str, str]] = Counter()
    others = invalid = 0
    for record in _records(files):
        if record.kind == "invalid":
            invalid += 1
        elif wanted.wants(record):
            chosen[record.sync, record.object] += 1
        else:
            others += 1
    return RejectsSummary(dict(chosen), others, invalid)


def read_chunks(
    files: Iterable[RejectsFile], wanted: RejectFilter, heap_object: HeapObject
) -> Generator[MappedChunk, None, None]:
    """
    Read the items of files, in order, with the numbers that their rows had.

    :param files: rejects files.
    :param wanted: which items.
    :param heap_object: what they are.
    :raises ModelError: when a file is not a rejects file.
    """
    records = filter(wanted.wants, _records(files))
    while chunk := list(islice(records, MAX_ITEMS)):
        fields = [record.fields for record in chunk]
        keys = [heap_object.key_of(values) for values in fields]
        person_keys = [
            next(str(values[name]) for name in heap_object.person_fields if name in values) for values in fields
        ]
        bodies = JsonLines.of(bytes(record.item) for record in chunk)
        yield MappedChunk(ItemBatch([record.row for record in chunk], keys, person_keys, bodies))


def _records(files: Iterable[RejectsFile]) -> Iterator[RejectedRecord]:
    decode = msgspec.json.Decoder(RejectedRecord).decode
    for file in files:
        with file.open() as opened:
            # Files of Airflow 2 can be read, but not iterated over.
            for number, text in enumerate(iter(opened.readline, b""), start=1):
                try:
                    record = decode(text)
                    if record.kind == "rejected":
                        _check(record)
                except (msgspec.DecodeError, KeyError, AttributeError):
                    raise ModelError(
                        f"Line {number} of {file.name} is not a line of a rejects file: name a file that a run "
                        "wrote below rejects_path, or a folder of such files."
                    ) from None
                yield record


def _check(record: RejectedRecord) -> None:
    heap_object = _OBJECTS[record.object]
    fields = record.fields
    required = {field.name for field in heap_object.fields if field.required}
    heap_object.key_of(fields)
    if not required <= fields.keys() or fields.keys().isdisjoint(heap_object.person_fields):
        raise KeyError
