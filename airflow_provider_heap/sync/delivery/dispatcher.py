"""
Batches on their way: several requests at a time, a few waiting in memory and the rest on disk, each key in order.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from errno import ENOSPC

from airflow_provider_heap.api.rate_limiter import RateLimiter, RateLimiterClosed
from airflow_provider_heap.sync.delivery.spool import Spool
from airflow_provider_heap.sync.items import ItemBatch

#: Seconds to wait for room in memory before a batch goes to disk: reading may well be ahead for a moment.
PATIENCE = 0.1
#: Seconds after which a full disk is tried again.
FULL_DISK_WAIT = 1.0


class Dispatcher:
    """
    Hands batches to a courier on threads of its own.

    :param deliver: brings one batch to Heap; called on several threads at once.
    :param pace: closed when the run ends early, so that all waits end.
    :param concurrency: requests in flight.
    :param idle: called now and then on the caller's thread while it waits; returns the seconds to its next call.
    :param tell: called with what a person should know about the disk.
    :param held: deliver nothing before :meth:`release`.
    """

    def __init__(
        self,
        deliver: Callable[[ItemBatch], None],
        pace: RateLimiter,
        concurrency: int,
        idle: Callable[[], float],
        tell: Callable[[str], None],
        held: bool = False,
    ) -> None:
        self._deliver = deliver
        self._pace = pace
        self._concurrency = concurrency
        self._idle = idle
        self._tell = tell
        self._held = held
        # In the order of the query: in flight, waiting in memory, waiting on disk.
        self._waiting: deque[ItemBatch] = deque()
        self._spool = Spool()
        self._in_flight: list[ItemBatch] = []
        # The keys in flight. A batch that holds one of them waits, and so do those behind it: a key stays in order.
        self._keys: set[str] = set()
        self._failure: BaseException | None = None
        self._ending = False
        self._threads: list[threading.Thread] = []
        self._resting = 0
        self._lock = threading.RLock()
        # Who waits for what: the threads for a batch that they may take, the caller for room or for the end.
        self._batch_came = threading.Condition(self._lock)
        self._batch_left = threading.Condition(self._lock)

    def put(self, batch: ItemBatch) -> None:
        """
        Hand a batch over. It waits in memory, or else on disk, or else this waits until there is room.

        :param batch: the next items of the query.
        :raises OSError: when the disk fails, or is full of batches that are held back.
        :raises BaseException: what a thread failed with, or :meth:`stop` was given.
        """
        told = False
        patience = 0 if self._held else PATIENCE
        while not self._wait(self._has_room, FULL_DISK_WAIT if told else 0 if self._spool.items else patience):
            with self._lock:
                first, spooled = not self._spool.items, self._spool.put(batch)
            if spooled and first:
                why = "Guards hold all rows back" if self._held else "Rows are read faster than Heap takes them"
                self._tell(f"{why}: they wait on disk, in {self._spool.folder}")
            if spooled:
                return
            if self._held:
                raise OSError(
                    ENOSPC,
                    f"The disk of {self._spool.folder} is full of rows that guards hold back; nothing was sent. Make "
                    "room, let TMPDIR name another place, or set no guards",
                )
            if not told:
                self._tell(f"The disk of {self._spool.folder} is full: reading waits for Heap")
                told = True
        with self._lock:
            self._waiting.append(batch)
            self._batch_came.notify()
            # No more threads than it takes: one that was just at work has its memory and its connection at hand.
            if not self._held and len(self._waiting) > self._resting and len(self._threads) < self._concurrency:
                self._start()

    def release(self) -> None:
        """Let go of what was held back; nothing comes after it."""
        with self._lock:
            if self._held:
                self._held = False
                for _ in range(min(self._concurrency, len(self._waiting))):
                    self._start()

    @property
    def on_disk(self) -> int:
        """How many items wait on disk."""
        return self._spool.items

    def finish(self) -> None:
        """
        Wait until everything is delivered, and end the threads.

        :raises BaseException: what a thread failed with, or :meth:`stop` was given.
        """
        self._wait(lambda: not self._waiting and not self._in_flight)
        self._end()
        for thread in self._threads:
            thread.join()
        self._spool.close()

    def stop(self, failure: BaseException) -> None:
        """
        End all waits; the caller of :meth:`put` or :meth:`finish` gets the failure.

        :param failure: why. The first one counts.
        """
        with self._lock:
            self._failure = self._failure or failure
            self._batch_came.notify_all()
            self._batch_left.notify_all()
        self._pace.close()

    def abandon(self, grace: float) -> int:
        """
        Drop what waits, and give requests in flight a moment to be answered.

        :param grace: seconds.
        :return: how many batches were still in flight then. Their threads end with their requests.
        """
        self._pace.close()
        self._end()
        with self._lock:
            self._waiting.clear()
            self._spool.close()
            self._batch_left.wait_for(lambda: not self._in_flight, grace)
            return len(self._in_flight)

    def pending(self) -> list[ItemBatch]:
        """Return the batches that are in flight or waiting in memory, in order."""
        with self._lock:
            return [*self._in_flight, *self._waiting]

    def _start(self) -> None:
        # A daemon: a request that nobody waits for any more must not hold up the end of the process.
        thread = threading.Thread(target=self._work, name=f"heap-delivery-{len(self._threads)}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _end(self) -> None:
        with self._lock:
            self._ending = True
            self._batch_came.notify_all()

    def _has_room(self) -> bool:
        return not self._spool.items and len(self._waiting) < 2 * self._concurrency

    def _wait(self, ready: Callable[[], bool], seconds: float = float("inf")) -> bool:
        """Wait until something holds, or for some seconds; return whether it does."""
        until = time.monotonic() + seconds
        while True:
            left = min(self._idle(), until - time.monotonic())
            with self._lock:
                held = self._batch_left.wait_for(lambda: self._failure is not None or ready(), left)
                if self._failure is not None:
                    raise self._failure
                if held or time.monotonic() >= until:
                    return held

    def _work(self) -> None:
        while (batch := self._take()) is not None:
            try:
                self._deliver(batch)
            except RateLimiterClosed:
                pass
            except BaseException as failure:
                self.stop(failure)
            finally:
                with self._lock:
                    self._in_flight.remove(batch)
                    self._keys.difference_update(batch.keys)
                    self._batch_left.notify()

    def _take(self) -> ItemBatch | None:
        with self._lock:
            self._resting += 1
            self._batch_came.wait_for(self._may_take)
            self._resting -= 1
            if self._failure is not None or not self._waiting:
                return None
            batch = self._waiting.popleft()
            if self._spool.items:
                self._refill()
            self._in_flight.append(batch)
            self._keys.update(batch.keys)
            if self._waiting:  # one that waited for a key may go as well now
                self._batch_came.notify()
            return batch

    def _refill(self) -> None:
        try:
            self._waiting.append(self._spool.get())
        except Exception as failure:
            self.stop(failure)

    def _may_take(self) -> bool:
        if self._failure is not None or (self._ending and not self._waiting):
            return True
        return bool(self._waiting) and self._keys.isdisjoint(self._waiting[0].keys)
