"""
How fast items may go: never more in any 60 s than Heap takes, and no sooner than Heap asked for.

A client doesn't see when an item arrives, only that it does so between the start of a request and its answer. So an
item counts from the start of its request until 60 s after the answer: then no window of 60 s at Heap can hold too many,
however the answers are delayed.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

#: Seconds; a little over a minute, because Heap's clock and ours need not tick alike.
WINDOW = 60.1


class PaceClosed(Exception):
    """The run ends: nothing more may be sent."""


class Pace:
    """
    Lets requests through as fast as the limits allow; safe to use from several threads. Waiting costs no CPU.

    :param limit: items a minute; None for no limit.
    :param person_limit: items a minute that concern the same person; None for no limit.
    """

    def __init__(self, limit: int | None = None, person_limit: int | None = None) -> None:
        self.limit = limit
        self.person_limit = person_limit
        self._used = 0
        self._people: Counter[str] = Counter()
        # In the order in which they leave the window: (when, items, their people).
        self._leaving: deque[tuple[float, int, Counter[str]]] = deque()
        self._held_until = 0.0
        self._closed = False
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, items: int, people: Sequence[str] = ()) -> Iterator[None]:
        """
        Wait until so many items may go; the request is made inside of the ``with`` block.

        :param items: how many items the request holds, at most ``limit``.
        :param people: whom they concern, one entry an item; looked at when there is a limit for each person.
        :raises PaceClosed: when the run ends while waiting.
        """
        concerned: Counter[str] = Counter(people if self.person_limit else ())
        with self._changed:
            while True:
                if self._closed:
                    raise PaceClosed
                now = time.monotonic()
                self._forget(now)
                if now < self._held_until:
                    self._changed.wait(self._held_until - now)
                elif self._room(items, concerned):
                    break
                else:
                    self._changed.wait(self._leaving[0][0] - now if self._leaving else None)
            self._used += items
            self._people.update(concerned)
        try:
            yield
        finally:
            with self._changed:
                if self.limit is not None or self.person_limit is not None:
                    self._leaving.append((time.monotonic() + WINDOW, items, concerned))
                else:
                    self._used -= items
                self._changed.notify_all()

    def hold(self, seconds: float) -> None:
        """
        Let no request start for a while, because Heap asked for it.

        :param seconds: from now on.
        """
        with self._changed:
            self._held_until = max(self._held_until, time.monotonic() + seconds)

    def close(self) -> None:
        """End all waits, now and from now on, with :class:`PaceClosed`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def pause(self, seconds: float) -> None:
        """
        Wait between two tries of a request.

        :param seconds: how long.
        :raises PaceClosed: when the run ends while waiting.
        """
        with self._changed:
            if self._changed.wait_for(lambda: self._closed, seconds):
                raise PaceClosed

    def _forget(self, now: float) -> None:
        while self._leaving and self._leaving[0][0] <= now:
            _, items, concerned = self._leaving.popleft()
            self._used -= items
            self._people.subtract(concerned)
            for person in concerned:
                if not self._people[person]:
                    del self._people[person]

    def _room(self, items: int, concerned: Counter[str]) -> bool:
        # A request that alone is over a limit goes when it is alone: no wait would make room for it.
        if self.limit is not None and self._used and self._used + items > self.limit:
            return False
        limit, people = self.person_limit, self._people
        return limit is None or not any(
            people[person] and people[person] + n > limit for person, n in concerned.items()
        )
