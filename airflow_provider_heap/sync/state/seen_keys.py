"""Keys seen in this run, kept on disk so that memory use stays constant."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from operator import or_


class SeenKeys:
    """
    Find the keys that come more than once, and those that are on their way to Heap. For one thread at a time.

    A temporary SQLite database without a name holds the keys; it vanishes with its connection. Keys are numbers made
    from their hashes: two keys with the same number count as one.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute("create table seen (key integer)")
        self._database.execute("create table sent (key integer primary key)")
        self._database.execute("begin")
        self._any_sent = False

    def add(self, key_hashes: Sequence[str]) -> list[int]:
        """
        Add keys, and return their numbers.

        :param key_hashes: hashes of at least 15 hexadecimal digits.
        """
        numbers = [int(key_hash[:15], 16) for key_hash in key_hashes]
        self._insert("insert into seen", numbers)
        return numbers

    def claim(self, numbers: Sequence[int], changed: Sequence[bool]) -> tuple[list[bool], list[bool]]:
        """
        Return which keys are to be sent, and which of all were on their way already.

        Those are to be sent that changed, and those that were on their way.

        :param numbers: keys, in the order of the query.
        :param changed: whether each of them is new or changed.
        """
        if not self._any_sent and not any(changed):
            return [*changed], [False] * len(changed)
        on_the_way = self._sent(numbers) if self._any_sent else set()
        added: list[int] = []
        came_before = []
        for number, is_changed in zip(numbers, changed, strict=True):
            came_before.append(number in on_the_way)
            if is_changed:
                added.append(number)
                on_the_way.add(number)
        self._insert("insert or ignore into sent", added)
        self._any_sent = True
        return [*map(or_, changed, came_before)], came_before

    def duplicates(self) -> int:
        """Return how many keys came more than once."""
        query = "select count(*) from (select 1 from seen group by key having count(*) > 1)"
        return int(self._database.execute(query).fetchone()[0])

    def close(self) -> None:
        """Release the disk space."""
        self._database.close()

    def _insert(self, insert: str, numbers: Sequence[int]) -> None:
        """Insert a chunk's numbers with one statement, which costs a third of one statement a number."""
        if numbers:
            self._database.execute(f"{insert} values {','.join(['(?)'] * len(numbers))}", numbers)

    def _sent(self, numbers: Sequence[int]) -> set[int]:
        places = ",".join("?" * len(numbers))
        return {key for (key,) in self._database.execute(f"select key from sent where key in ({places})", numbers)}
