"""Items: rows on their way to Heap, each the bytes of its JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """
    Some items in the order of the query, column by column.

    :param numbers: the number of the row that each came from; the model's first row is 1.
    :param keys: the sync key of each: items of one key reach Heap in order.
    :param people: whom each concerns, for the pace.
    :param bodies: the JSON of each.
    """

    numbers: Sequence[int] = field(default_factory=list)
    keys: Sequence[str] = field(default_factory=list)
    people: Sequence[str] = field(default_factory=list)
    bodies: Sequence[bytes] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.bodies)

    def part(self, start: int, stop: int) -> Items:
        """
        Return some of the items.

        :param start: the place of the first.
        :param stop: the place after the last.
        """
        return Items(self.numbers[start:stop], self.keys[start:stop], self.people[start:stop], self.bodies[start:stop])

    def those(self, wanted: Sequence[bool]) -> Items:
        """
        Return some of the items.

        :param wanted: which, one entry an item.
        """
        return Items(
            list(compress(self.numbers, wanted)),
            list(compress(self.keys, wanted)),
            list(compress(self.people, wanted)),
            list(compress(self.bodies, wanted)),
        )

    def then(self, other: Items) -> Items:
        """
        Return these items followed by others.

        :param other: items of later rows.
        """
        return Items(
            [*self.numbers, *other.numbers],
            [*self.keys, *other.keys],
            [*self.people, *other.people],
            [*self.bodies, *other.bodies],
        )


@dataclass(frozen=True, slots=True)
class InvalidRow:
    """
    A row that can't become an item.

    :param number: the row's number; the model's first row is 1.
    :param reason: the code under which it is counted.
    :param column: the column whose value is at fault; None when it isn't one column's.
    :param values: the source's columns and values.
    """

    number: int
    reason: str
    column: str | None
    values: dict[str, object]
