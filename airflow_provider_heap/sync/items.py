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


class Batcher:
    """
    Cuts a stream of items into requests: every one is full but the last.

    :param max_items: items in one request.
    :param max_bytes: bytes of all items of one request, commas included; a single item may be larger.
    """

    def __init__(self, max_items: int, max_bytes: int) -> None:
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._rest = Items()

    def add(self, items: Items) -> list[Items]:
        """
        Take items in and give the full batches out.

        :param items: the next items of the query.
        """
        items = self._rest.then(items) if len(self._rest) else items
        batches, start = [], 0
        while (stop := self._end(items.bodies, start)) is not None:
            batches.append(items.part(start, stop))
            start = stop
        self._rest = items.part(start, len(items))
        return batches

    def rest(self) -> list[Items]:
        """Give out what is left at the end, a batch or none."""
        rest, self._rest = self._rest, Items()
        return [rest] if len(rest) else []

    def _end(self, bodies: Sequence[bytes], start: int) -> int | None:
        """Return where the batch that begins at a place ends; None when it isn't full yet."""
        window = bodies[start : start + self._max_items]
        if sum(map(len, window)) + len(window) <= self._max_bytes:
            return start + len(window) if len(window) == self._max_items else None
        size = 0
        for place, body in enumerate(window):
            size += len(body) + 1
            if size > self._max_bytes and place:
                return start + place
        # One item alone is over the limit.
        return start + 1
