"""Items: rows on their way to Heap, each the bytes of its JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import compress


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
    bodies: Sequence[bytes] = field(default_factory=list)
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
            [*self.bodies, *later.bodies],
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
            list(compress(self.bodies, wanted)),
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
    :param truncated: texts that were cut to the length that Heap takes.
    :param filled: for properties that a guard watches, the number of rows with a value.
    """

    items: ItemBatch
    invalid: Sequence[InvalidRow] = ()
    truncated: int = 0
    filled: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.items) + len(self.invalid)


@dataclass(frozen=True, slots=True)
class MappedRows:
    """
    Rows that a run reads, mapped as they come.

    :param chunks: the rows, in the order of the query.
    :param signature: the mapping in a few digits; None when the items were made elsewhere.
    :param key_column: column of the sync key, for messages; None when it does not come from one.
    """

    chunks: Iterable[MappedChunk]
    signature: str | None = None
    key_column: str | None = None
