"""The keys that one run has seen, however many: on disk, so that memory does not know how many there are."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence


class SeenKeys:
    """
    Knows which keys came twice, and which are on their way. A temporary SQLite database without a name holds them; it
    vanishes with its connection. Keys are numbers out of their hashes: two that share one are taken for one key.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute("create table seen (key integer)")
        self._database.execute("create table sent (key integer primary key)")
        self._database.execute("begin")
        self._any_sent = False

    def note(self, digests: Sequence[str]) -> list[int]:
        """
        See keys, and return their numbers.

        :param digests: hashes of at least 15 hexadecimal digits.
        """
        numbers = [int(digest[:15], 16) for digest in digests]
        self._database.executemany("insert into seen values (?)", zip(numbers))
        return numbers

    def mark_sent(self, numbers: Sequence[int], fresh: list[bool]) -> None:
        """
        Put keys on their way, and mark those as fresh that are on it already.

        :param numbers: keys, in order.
        :param fresh: which of them are to be sent; changed in place.
        """
        if not self._any_sent and not any(fresh):
            return
        on_the_way = self._sent(numbers) if self._any_sent else set()
        going: list[int] = []
        for place, number in enumerate(numbers):
            if fresh[place]:
                going.append(number)
                on_the_way.add(number)
            elif number in on_the_way:
                fresh[place] = True
        self._database.executemany("insert or ignore into sent values (?)", zip(going))
        self._any_sent = True

    def duplicates(self) -> int:
        """Return how many keys came more than once."""
        query = "select count(*) from (select 1 from seen group by key having count(*) > 1)"
        return int(self._database.execute(query).fetchone()[0])

    def close(self) -> None:
        """Forget all."""
        self._database.close()

    def _sent(self, numbers: Sequence[int]) -> set[int]:
        places = ",".join("?" * len(numbers))
        return {key for (key,) in self._database.execute(f"select key from sent where key in ({places})", numbers)}
