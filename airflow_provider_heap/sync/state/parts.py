"""The changes of a run, part by part: which rows are on their way, and when a part can be recorded."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from airflow_provider_heap.sync.items import MappedChunk

#: Changes that a part should have at most: what a run that is killed may have to send again for each open part.
PART_ROWS = 200_000
#: Parts that are sent at the same time.
OPEN_PARTS = 4
#: Bytes of a key's hash.
_SIZE = 16


@dataclass(frozen=True)
class KeyRange:
    """
    Keys by the digits of their hashes.

    :param after: digits that come before all of them; empty for no bound.
    :param until: digits of the last of them; empty for no bound.
    """

    after: str = ""
    until: str = ""

    def split(self, last: Sequence[str]) -> Iterator[KeyRange]:
        """
        Yield ranges that together are this one.

        :param last: the last keys of all but the last range, in order.
        """
        after = self.after
        for until in last:
            yield KeyRange(after, until)
            after = until
        yield KeyRange(after, self.until)


def key_ranges(rows: int) -> list[KeyRange]:
    """
    Return ranges of keys that have about as many changes each.

    Hashes are spread evenly, so no database has to sort them.

    :param rows: how many changes there are.
    """
    count = next((count for count in (1, 16, 256) if rows <= count * PART_ROWS), 256)
    digits = {1: 0, 16: 1, 256: 2}[count]
    # A hash is longer than the bound, so it is greater than the bound with which it begins.
    return list(KeyRange().split([f"{number:0{digits}x}" for number in range(1, count)]))


@dataclass(eq=False)
class Part:
    """
    Changes whose keys are in a range.

    :param keys: the range.
    :param first: number of its first row.
    """

    keys: KeyRange
    first: int
    #: Number of its rows so far, and of those whose outcome is known.
    rows: int = 0
    settled: int = 0
    #: Whether all its rows are read.
    complete: bool = False
    #: Numbers of its rows that Heap does not have.
    refused: list[int] = field(default_factory=list)
    hashes: bytearray = field(default_factory=bytearray)

    @property
    def is_settled(self) -> bool:
        """Whether it can be recorded."""
        return self.complete and self.settled == self.rows

    def key_hash(self, number: int) -> str:
        """
        Return the hash of a row's key; empty when it has none.

        :param number: the row's.
        """
        start = (number - self.first) * _SIZE
        digits = self.hashes[start : start + _SIZE].hex()
        return digits if digits.strip("0") else ""


class Parts:
    """
    The parts that are open, in order. Safe to use from several threads: ``_lock`` guards everything.

    One thread opens parts and adds rows; threads that send settle them.
    """

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._next = 1
        self._lock = threading.Lock()

    def open(self, keys: KeyRange) -> Part:
        """
        Open the next part.

        :param keys: the range of its keys.
        """
        with self._lock:
            part = Part(keys, self._next)
            self._parts.append(part)
            return part

    def add(self, part: Part, chunk: MappedChunk, key_hashes: Sequence[str | None]) -> None:
        """
        Add rows, before they are sent. Those that are invalid are settled.

        :param part: the last one that was opened.
        :param chunk: the rows.
        :param key_hashes: of each of them; None where it has no key.
        """
        data = b"".join(bytes.fromhex(digits) if digits else bytes(_SIZE) for digits in key_hashes)
        with self._lock:
            part.hashes += data
            part.rows += len(key_hashes)
            part.settled += len(chunk.invalid)
            part.refused += [row.number for row in chunk.invalid]
            self._next += len(key_hashes)

    def end(self, part: Part) -> None:
        """
        Say that all rows of a part are read.

        :param part: the part.
        """
        with self._lock:
            part.complete = True

    def settle(self, numbers: Sequence[int], *, taken: bool) -> None:
        """
        Settle rows.

        :param numbers: their numbers.
        :param taken: whether Heap has them now.
        """
        with self._lock:
            firsts = [part.first for part in self._parts]
            for number in numbers:
                part = self._parts[bisect_right(firsts, number) - 1]
                part.settled += 1
                if not taken:
                    part.refused.append(number)

    def key_hashes(self, numbers: Sequence[int]) -> list[str]:
        """
        Return the hashes of rows' keys; only those of open parts.

        :param numbers: numbers of rows.
        """
        with self._lock:
            firsts = [part.first for part in self._parts]
            places = [(bisect_right(firsts, number) - 1, number) for number in numbers]
            return [self._parts[place].key_hash(number) for place, number in places if place >= 0]

    def settled(self) -> Part | None:
        """Return the first part when it can be recorded."""
        with self._lock:
            return self._parts[0] if self._parts and self._parts[0].is_settled else None

    def close(self, part: Part) -> None:
        """
        Forget a part that is recorded.

        :param part: the part.
        """
        with self._lock:
            self._parts.remove(part)

    def __len__(self) -> int:
        with self._lock:
            return len(self._parts)
