"""Batches on their way: several requests at a time, a bounded number waiting, each key in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from airflow_provider_heap.api.pacing import Pace, PaceClosed
from airflow_provider_heap.sync.items import Items


class Delivery:
    """
    Hands batches to a courier on threads of its own.

    :param deliver: brings one batch to Heap; called on several threads at once.
    :param pace: closed when the run ends early, so that all waits end.
    :param concurrency: requests in flight.
    :param idle: called now and then on the caller's thread while it waits; returns the seconds to its next call.
    """

    def __init__(
        self, deliver: Callable[[Items], None], pace: Pace, concurrency: int, idle: Callable[[], float]
    ) -> None:
        self._deliver = deliver
        self._pace = pace
        self._concurrency = concurrency
        self._idle = idle
        self._waiting: deque[Items] = deque()
        self._in_flight: list[Items] = []
        # The keys in flight. A batch that holds one of them waits, and so do those behind it: a key stays in order.
        self._keys: set[str] = set()
        self._failure: BaseException | None = None
        self._ending = False
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()

    def put(self, batch: Items) -> None:
        """
        Hand a batch over, once there is room for it.

        :param batch: the next items of the query.
        :raises BaseException: what a thread failed with, or :meth:`stop` was given.
        """
        self._start()
        self._wait(lambda: len(self._waiting) < 2 * self._concurrency)
        with self._changed:
            self._waiting.append(batch)
            self._changed.notify_all()

    def finish(self) -> None:
        """
        Wait until everything is delivered, and end the threads.

        :raises BaseException: what a thread failed with, or :meth:`stop` was given.
        """
        self._wait(lambda: not self._waiting and not self._in_flight)
        self._end()
        for thread in self._threads:
            thread.join()

    def stop(self, failure: BaseException) -> None:
        """
        End all waits; the caller of :meth:`put` or :meth:`finish` gets the failure.

        :param failure: why. The first one counts.
        """
        with self._changed:
            self._failure = self._failure or failure
            self._changed.notify_all()
        self._pace.close()

    def abandon(self, grace: float) -> int:
        """
        Drop what waits, and give requests in flight a moment to be answered.

        :param grace: seconds.
        :return: how many batches were still in flight then. Their threads end with their requests.
        """
        self._pace.close()
        self._end()
        with self._changed:
            self._waiting.clear()
            self._changed.wait_for(lambda: not self._in_flight, grace)
            return len(self._in_flight)

    def pending(self) -> list[Items]:
        """Return the batches that are in flight or waiting, in order."""
        with self._changed:
            return [*self._in_flight, *self._waiting]

    def _start(self) -> None:
        if self._threads:
            return
        for number in range(self._concurrency):
            # A daemon: a request that nobody waits for any more must not hold up the end of the process.
            thread = threading.Thread(target=self._work, name=f"heap-delivery-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _end(self) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify_all()

    def _wait(self, ready: Callable[[], bool]) -> None:
        while True:
            seconds = self._idle()
            with self._changed:
                if self._changed.wait_for(lambda: self._failure is not None or ready(), seconds):
                    if self._failure is not None:
                        raise self._failure
                    return

    def _work(self) -> None:
        while (batch := self._take()) is not None:
            try:
                self._deliver(batch)
            except PaceClosed:
                pass
            except BaseException as failure:
                self.stop(failure)
            finally:
                with self._changed:
                    self._in_flight.remove(batch)
                    self._keys.difference_update(batch.keys)
                    self._changed.notify_all()

    def _take(self) -> Items | None:
        with self._changed:
            self._changed.wait_for(self._may_take)
            if self._failure is not None or not self._waiting:
                return None
            batch = self._waiting.popleft()
            self._in_flight.append(batch)
            self._keys.update(batch.keys)
            return batch

    def _may_take(self) -> bool:
        if self._failure is not None or (self._ending and not self._waiting):
            return True
        return bool(self._waiting) and self._keys.isdisjoint(self._waiting[0].keys)
