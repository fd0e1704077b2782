"""
How fast items may go: never more in any 60 s than Heap takes, and no sooner than Heap asked for.

A client doesn't see when an item arrives, only that it does so between the start of a request and its answer. So an
item counts from the start of its request until 60 s after the answer: then no window of 60 s at Heap can hold too many,
however the answers are delayed.
"""

from __future__ import annotations

import threading
import time
from array import array
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

#: Seconds; a little over a minute, because Heap's clock and ours need not tick alike.
WINDOW = 60.1
#: Seconds; the items answered within such a slot leave the window together, with the last of them.
SLOT = 0.2
#: Counters that people share by hash, so that the books stay small however many people there are. Two who share one may
#: have to wait for each other, and are never sent too fast.
PEOPLE = 2**15


@dataclass
class _WindowSlot:
    """Items that leave the window at the same time."""

    until: float
    person_keys: array[int]
    items: int = 0


class RateLimiterClosed(Exception):
    """The run ends: nothing more may be sent."""


class RateLimiter:
    """
    Lets requests through as fast as the limits allow; safe to use from several threads. Waiting costs no CPU.

    :param limit: items a minute; None for no limit.
    :param person_limit: items a minute that concern the same person; None for no limit.
    """

    def __init__(self, limit: int | None = None, person_limit: int | None = None) -> None:
        self.limit = limit
        self.person_limit = person_limit
        self._used = 0
        self._people = self._nobody()
        # In the order in which they leave the window.
        self._slots: deque[_WindowSlot] = deque()
        self._held_until = 0.0
        self._closed = False
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, items: int, person_keys: Sequence[str] = ()) -> Iterator[None]:
        """
        Wait until so many items may go; the request is made inside of the ``with`` block.

        :param items: how many items the request holds, at most ``limit``.
        :param person_keys: whom they concern, one entry an item; looked at when there is a limit for each person.
        :raises PaceClosed: when the run ends while waiting.
        """
        concerned = Counter(hash(person) % PEOPLE for person in person_keys) if self.person_limit else Counter[int]()
        with self._changed:
            while True:
                if self._closed:
                    raise RateLimiterClosed
                now = time.monotonic()
                self._forget(now)
                if now < self._held_until:
                    self._changed.wait(self._held_until - now)
                elif self._room(items, concerned):
                    break
                else:
                    self._changed.wait(self._slots[0].until - now if self._slots else None)
            self._used += items
            for person, count in concerned.items():
                self._people[person] += count
        try:
            yield
        finally:
            with self._changed:
                if self.limit is None and self.person_limit is None:
                    self._used -= items
                else:
                    slot = self._slot(time.monotonic())
                    slot.items += items
                    for person, count in concerned.items():
                        slot.person_keys[person] += count
                self._changed.notify_all()

    def hold(self, seconds: float) -> None:
        """
        Let no request start for a while, because Heap asked for it.

        :param seconds: from now on.
        """
        with self._changed:
            self._held_until = max(self._held_until, time.monotonic() + seconds)

    def close(self) -> None:
        """End all waits, now and from now on, with :class:`RateLimiterClosed`."""
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
                raise RateLimiterClosed

    def _slot(self, now: float) -> _WindowSlot:
        """Return the slot of what is answered now."""
        if not self._slots or self._slots[-1].until < now + WINDOW:
            self._slots.append(_WindowSlot(now + SLOT + WINDOW, self._nobody()))
        return self._slots[-1]

    def _nobody(self) -> array[int]:
        return array("I", [0]) * (PEOPLE if self.person_limit else 0)

    def _forget(self, now: float) -> None:
        while self._slots and self._slots[0].until <= now:
            slot = self._slots.popleft()
            self._used -= slot.items
            for person, count in enumerate(slot.person_keys):
                if count:
                    self._people[person] -= count

    def _room(self, items: int, concerned: Counter[int]) -> bool:
        # A request that alone is over a limit goes when it is alone: no wait would make room for it.
        if self.limit is not None and self._used and self._used + items > self.limit:
            return False
        limit, person_keys = self.person_limit, self._people
        return limit is None or not any(
            person_keys[person] and person_keys[person] + count > limit for person, count in concerned.items()
        )
