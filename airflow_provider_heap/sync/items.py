"""Items: rows on their way to Heap, each the bytes of its JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from airflow_provider_heap.sync.mapping.summary import MappingSummary
    from airflow_provider_heap.sync.state.comparison import Comparison


class JsonLines(Sequence[bytes]):
    """
    The JSON of each item. Never changes.

    Most items go from the encoder into a request as they are, so they stay together: a thousand objects are only made
    of them when somebody asks for single ones.

    :param lines: the items, each with a line break after it; there is none inside of JSON.
    :param count: number of items.
    """

    __slots__ = ("_count", "_lines")

    def __init__(self, lines: bytes = b"", count: int = 0) -> None:
        self._lines = lines
        self._count = count

    @classmethod
    def of(cls, items: Iterable[bytes]) -> JsonLines:
        """
        Return the lines of items.

        :param items: the JSON of each.
        """
        parts = [*items, b""]
        return cls(b"\n".join(parts), len(parts) - 1)

    @property
    def size(self) -> int:
        """Bytes of all items and of one more for each, which is a comma in a request."""
        return len(self._lines)

    @property
    def lines(self) -> bytes:
        """The items, each with a line break after it."""
        return self._lines

    def joined(self) -> memoryview:
        """Return the items with commas between them, as an array holds them."""
        return memoryview(self._lines.replace(b"\n", b","))[:-1]

    def has_longer(self, length: int) -> bool:
        """
        Return whether the JSON of an item has more bytes.

        :param length: how many bytes.
        """
        rfind, start, last = self._lines.rfind, 0, len(self._lines) - length
        while start < last:
            # The last line break that is not too far away: items are short, so this skips several at once.
            start = rfind(b"\n", start, start + length + 1) + 1
            if not start:
                return True
        return False

    def select(self, wanted: Sequence[bool]) -> JsonLines:
        """
        Return the items that are marked.

        :param wanted: one entry an item.
        """
        return JsonLines.of(compress(self._split(), wanted))

    def _split(self) -> list[bytes]:
        items = self._lines.split(b"\n")  # splitlines() looks for more kinds of line breaks, at half the speed
        items.pop()
        return items

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._split())

    @overload
    def __getitem__(self, place: int) -> bytes: ...

    @overload
    def __getitem__(self, place: slice) -> JsonLines: ...

    def __getitem__(self, place: int | slice) -> bytes | JsonLines:
        if isinstance(place, int):
            return self._split()[place]
        start, stop, step = place.indices(self._count)
        if start >= stop and step > 0:
            return JsonLines()
        if (start, stop, step) == (0, self._count, 1):
            return self
        return JsonLines.of(self._split()[place])

    def __add__(self, later: JsonLines) -> JsonLines:
        return JsonLines(self._lines + later._lines, self._count + later._count)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JsonLines) and self._lines == other._lines

    def __hash__(self) -> int:
        return hash(self._lines)


@dataclass(frozen=True, slots=True, eq=False)
class ItemBatch:
    """
    Items in the order of the query, stored by column. ``+`` appends later items, a slice takes some of them.

    :param numbers: number of the row that each item was made from; the model's first row is 1.
    :param keys: sync key of each item. Items of one key reach Heap in order.
    :param person_keys: account or user that each item concerns, for the rate limiter.
    :param bodies: JSON of each item.
    :param recorded: whether the state holds a fingerprint of each item's key, which must be struck out before the item
        is sent; empty when no state is kept.
    """

    numbers: Sequence[int] = field(default_factory=list)
    keys: Sequence[str] = field(default_factory=list)
    person_keys: Sequence[str] = field(default_factory=list)
    bodies: JsonLines = field(default_factory=JsonLines)
    recorded: Sequence[bool] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.bodies)

    def __getitem__(self, part: slice) -> ItemBatch:
        return ItemBatch(
            self.numbers[part], self.keys[part], self.person_keys[part], self.bodies[part], self.recorded[part]
        )

    def __add__(self, later: ItemBatch) -> ItemBatch:
        return ItemBatch(
            [*self.numbers, *later.numbers],
            [*self.keys, *later.keys],
            [*self.person_keys, *later.person_keys],
            self.bodies + later.bodies,
            [*self.recorded, *later.recorded],
        )

    def select(self, wanted: Sequence[bool]) -> ItemBatch:
        """
        Return the items that are marked.

        :param wanted: one entry an item.
        """
        return ItemBatch(
            list(compress(self.numbers, wanted)),
            list(compress(self.keys, wanted)),
            list(compress(self.person_keys, wanted)),
            self.bodies.select(wanted),
            list(compress(self.recorded, wanted)),
        )


@dataclass(frozen=True, slots=True)
class InvalidRow:
    """
    A row that cannot become an item.

    :param number: number of the row; the model's first row is 1.
    :param reason: code under which the row is counted.
    :param column: column whose value is at fault; None when it is not the value of one column.
    :param values: values of the row by column.
    :param detail: what is wrong, for the log: a type or a limit, never the value; None when the reason says it all.
    """

    number: int
    reason: str
    column: str | None
    values: dict[str, object]
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class MappedChunk:
    """
    Rows after mapping: the unit that a run works on. Each row is either in ``items`` or in ``invalid``.

    :param items: rows that can be sent.
    :param invalid: rows that cannot.
    :param truncated: texts that were truncated to the length that Heap takes.
    :param filled: for properties that a guard watches, the number of rows with a value.
    :param ends_part: no later row may go into one request with these.
    """

    items: ItemBatch
    invalid: Sequence[InvalidRow] = ()
    truncated: int = 0
    filled: dict[str, int] = field(default_factory=dict)
    ends_part: bool = False

    def __len__(self) -> int:
        return len(self.items) + len(self.invalid)


@dataclass(frozen=True, slots=True)
class MappedRows:
    """
    Rows that a run reads, mapped as they come.

    :param chunks: the rows, in the order of the query.
    :param signature: the mapping in a few digits; None when the items were made elsewhere.
    :param key_column: column of the sync key, for messages; None when it does not come from one.
    :param mapping: which column fills which field and property; None when the items were made elsewhere.
    :param comparison: finds the rows that are new or changed where they are, in place of ``chunks``; None where the
        worker reads and compares all of them.
    """

    chunks: Iterable[MappedChunk]
    signature: str | None = None
    key_column: str | None = None
    mapping: MappingSummary | None = None
    comparison: Comparison | None = None
