"""
How fast items may go: never more in any 60 s than Heap takes, and no sooner than Heap asked for.

A client does not see when an item arrives, only that it arrives between the start of its request and the answer. So an
item counts from the start of its request until 60 s after the answer. Then no window of 60 s at Heap can hold too many
items, however late the answers are.
"""

from __future__ import annotations

import threading
import time
from array import array
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

#: Seconds; a little over a minute, because Heap's clock and ours may run at different speeds.
WINDOW = 60.1
#: Seconds; items that are answered within such a slot leave the window together, with the last of them.
SLOT = 0.2
#: Counters that people share by hash, so that memory use stays constant however many people there are. Two people who
#: share a counter may have to wait for each other; neither is ever sent too fast.
COUNTERS = 2**15


class RateLimiterClosed(Exception):
    """The run is ending: nothing more may be sent."""


class Clock:
    """The clock of a rate limiter; tests replace it to wait without waiting."""

    def now(self) -> float:
        """Return the time in seconds, from any start."""
        return time.monotonic()

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """
        Wait until the condition is notified, or for some seconds.

        :param condition: its lock is held by the caller.
        :param seconds: the longest wait; None for no limit.
        """
        condition.wait(seconds)


@dataclass
class _WindowSlot:
    """Items that leave the window at the same time."""

    until: float
    person_counts: array[int]
    items: int = 0


class RateLimiter:
    """
    Lets requests through as fast as the limits allow. Waiting costs no CPU.

    Thread-safe: the condition ``_changed`` guards every attribute that starts with an underscore. A limiter is open
    until :meth:`close`; from then on every call that would wait raises :class:`RateLimiterClosed`.

    :param limit: items a minute; None for no limit.
    :param person_limit: items a minute that concern the same person; None for no limit.
    :param clock: tells the time and waits; None for the machine's clock.
    """

    def __init__(self, limit: int | None = None, person_limit: int | None = None, clock: Clock | None = None) -> None:
        self.limit = limit
        self.person_limit = person_limit
        self._clock = clock or Clock()
        self._used = 0
        self._person_counts = self._zero_counts()
        # In the order in which they leave the window.
        self._slots: deque[_WindowSlot] = deque()
        self._held_until = float("-inf")
        self._closed = False
        self._changed = threading.Condition()

    @contextmanager
    def slot(self, items: int, person_keys: Sequence[str] = ()) -> Iterator[None]:
        """
        Wait until some items may go; the request is made inside the ``with`` block.

        :param items: how many items the request holds, at most ``limit``.
        :param person_keys: the person that each item concerns; used when there is a limit for each person.
        :raises RateLimiterClosed: when the limiter is closed.
        """
        counts = Counter(hash(person) % COUNTERS for person in person_keys) if self.person_limit else Counter[int]()
        self._acquire(items, counts)
        try:
            yield
        finally:
            self._release(items, counts)

    def hold_off(self, seconds: float) -> None:
        """
        Let no request start for a while, because Heap asked for it.

        :param seconds: how long, from now on.
        """
        with self._changed:
            self._held_until = max(self._held_until, self._clock.now() + seconds)

    def sleep(self, seconds: float) -> None:
        """
        Wait between two tries of a request.

        :param seconds: how long.
        :raises RateLimiterClosed: when the limiter is closed.
        """
        with self._changed:
            until = self._clock.now() + seconds
            while not self._closed and (remaining := until - self._clock.now()) > 0:
                self._clock.wait(self._changed, remaining)
            if self._closed:
                raise RateLimiterClosed

    def close(self) -> None:
        """End all waits, now and from now on, with :class:`RateLimiterClosed`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _acquire(self, items: int, counts: Counter[int]) -> None:
        with self._changed:
            while not self._closed:
                now = self._clock.now()
                self._drop_expired(now)
                if now < self._held_until:
                    self._clock.wait(self._changed, self._held_until - now)
                elif self._has_room(items, counts):
                    break
                else:
                    self._clock.wait(self._changed, self._slots[0].until - now if self._slots else None)
            if self._closed:
                raise RateLimiterClosed
            self._used += items
            for person, count in counts.items():
                self._person_counts[person] += count

    def _release(self, items: int, counts: Counter[int]) -> None:
        """Let answered items leave the window when it has passed."""
        with self._changed:
            if self.limit is None and self.person_limit is None:
                self._used -= items
            else:
                slot = self._current_slot(self._clock.now())
                slot.items += items
                for person, count in counts.items():
                    slot.person_counts[person] += count
            self._changed.notify_all()

    def _current_slot(self, now: float) -> _WindowSlot:
        """Return the slot of items that are answered now."""
        if not self._slots or self._slots[-1].until < now + WINDOW:
            self._slots.append(_WindowSlot(now + SLOT + WINDOW, self._zero_counts()))
        return self._slots[-1]

    def _zero_counts(self) -> array[int]:
        return array("I", [0]) * (COUNTERS if self.person_limit else 0)

    def _drop_expired(self, now: float) -> None:
        while self._slots and self._slots[0].until <= now:
            slot = self._slots.popleft()
            self._used -= slot.items
            for person, count in enumerate(slot.person_counts):
                if count:
                    self._person_counts[person] -= count

    def _has_room(self, items: int, counts: Counter[int]) -> bool:
        # A request that is over a limit by itself goes when it is alone: no wait would make room for it.
        if self.limit is not None and self._used and self._used + items > self.limit:
            return False
        limit, used = self.person_limit, self._person_counts
        return limit is None or not any(
            used[person] and used[person] + count > limit for person, count in counts.items()
        )
