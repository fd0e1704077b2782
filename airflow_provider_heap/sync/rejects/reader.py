"""Rejected items read from rejects files, to be sent once more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any

import msgspec

from airflow_provider_heap.api.idempotency import idempotency_key
from airflow_provider_heap.api.objects import MAX_ITEMS, OBJECTS, HeapObject
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.items import ItemBatch, MappedChunk

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
        """The item's fields beside its properties."""
        found: dict[str, Any] = msgspec.json.decode(self.item)
        return found


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

    def wants(self, line: RejectedRecord) -> bool:
        """
        Tell whether an item is to be sent.

        :param line: its line.
        """
        if line.kind != "rejected" or (self.reasons and line.reason not in self.reasons):
            return False
        if self.sync is not None and line.sync != self.sync:
            return False
        return not self.keys or not self.keys.isdisjoint(self._keys(line))

    def _keys(self, line: RejectedRecord) -> set[str]:
        """Return the key of an item; of an event also each wanted insert ID that it was made of."""
        fields, name = line.fields, _OBJECTS[line.object].key
        found = {str(fields.get(name))}
        if "event" in fields:
            found |= {key for key in self.keys if idempotency_key(fields["event"], key) in found}
        return found


@dataclass(frozen=True)
class RejectsSummary:
    """
    What rejects files hold.

    :param chosen: items to be sent, by sync and object.
    :param left: rejected items that are not wanted.
    :param invalid: rows that never became an item.
    """

    chosen: dict[tuple[str, str], int]
    left: int
    invalid: int

    def only(self) -> tuple[str, HeapObject, int]:
        """
        Return the sync that the items are of, what they are, and how many.

        :raises ModelError: when they are of several, or there are none.
        """
        if len(self.chosen) == 1:
            [((sync, name), count)] = self.chosen.items()
            return sync, _OBJECTS[name], count
        found = ", ".join(f"{count:,} {name}s of sync {sync!r}" for (sync, name), count in self.chosen.items())
        raise ModelError(f"The files hold {found}: name one of the syncs with sync_name, or its folder.")


def survey(files: Iterable[RejectsFile], wanted: RejectFilter) -> RejectsSummary:
    """
    Look through files without sending anything.

    :param files: rejects files.
    :param wanted: which items count.
    :raises ModelError: when a file is no rejects file.
    """
    chosen: Counter[tuple[str, str]] = Counter()
    left = invalid = 0
    for line in _lines(files):
        if line.kind == "invalid":
            invalid += 1
        elif wanted.wants(line):
            chosen[line.sync, line.object] += 1
        else:
            left += 1
    return RejectsSummary(dict(chosen), left, invalid)


def chunks(
    files: Iterable[RejectsFile], wanted: RejectFilter, heap_object: HeapObject
) -> Generator[tuple[Again, Sequence[RejectedRecord]], None, None]:
    """
    Read the items of files, in order.

    :param files: rejects files.
    :param wanted: which items.
    :param heap_object: what they are.
    :raises ModelError: when a file is no rejects file.
    """
    mapping, lines = Again(heap_object), filter(wanted.wants, _lines(files))
    while chunk := list(islice(lines, MAX_ITEMS)):
        yield mapping, chunk


class Again:
    """
    Takes the place of a mapping: the items are there already, to their last byte.

    :param heap_object: what they are.
    """

    #: There is no mapping to remember, and no column.
    signature = None
    key_column = None

    def __init__(self, heap_object: HeapObject) -> None:
        self._object = heap_object

    def map(self, rows: Sequence[RejectedRecord], first: int) -> MappedChunk:
        """
        Return the items of lines, with the numbers that their rows had.

        :param rows: the lines.
        :param first: the place of the first of them.
        """
        fields = [line.fields for line in rows]
        keys = [str(found[self._object.key]) for found in fields]
        person_keys = [
            next(str(found[name]) for name in self._object.person_fields if name in found) for found in fields
        ]
        return MappedChunk(
            ItemBatch([line.row for line in rows], keys, person_keys, [bytes(line.item) for line in rows]), [], 0
        )


def _lines(files: Iterable[RejectsFile]) -> Iterator[RejectedRecord]:
    decode = msgspec.json.Decoder(RejectedRecord).decode
    for file in files:
        with file.open() as opened:
            # Files of Airflow 2 can be read, but not iterated over.
            for number, text in enumerate(iter(opened.readline, b""), start=1):
                try:
                    line = decode(text)
                    if line.kind == "rejected":
                        _check(line)
                except (msgspec.DecodeError, KeyError, AttributeError):
                    raise ModelError(
                        f"Line {number} of {file.name} is no line of a rejects file: name a file, or a folder of "
                        "files, that rejects_path got."
                    ) from None
                yield line


def _check(line: RejectedRecord) -> None:
    heap_object = _OBJECTS[line.object]
    fields = line.fields
    fields[heap_object.key]
    if not any(name in fields for name in heap_object.person_fields):
        raise KeyError
