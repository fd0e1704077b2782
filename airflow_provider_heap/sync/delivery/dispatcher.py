"""Hand batches to a sender, several at a time."""

from __future__ import annotations

import threading
from typing import Protocol

from airflow_provider_heap.api.rate_limiter import RateLimiterClosed
from airflow_provider_heap.sync.delivery.batch_queue import BatchQueue
from airflow_provider_heap.sync.items import ItemBatch
from airflow_provider_heap.sync.stop_signal import StopSignal


class Sender(Protocol):
    """Give each item of a batch its outcome. Threads call one sender at the same time."""

    def deliver(self, batch: ItemBatch) -> None:
        """
        Settle a batch.

        :param batch: at most 1000 items.
        :raises RateLimiterClosed: when the run ends before that.
        """


class Dispatcher:
    """
    Run the threads that take batches from a queue and give them to a sender.

    Only the thread that reads calls :meth:`put`; threads are started as batches need them, since one that was just at
    work has its memory and its connection at hand. Nothing else is shared: the queue has its own lock.

    :param queue: where batches wait.
    :param sender: delivers a batch.
    :param stop: set when a sender fails.
    :param concurrency: threads at most.
    """

    def __init__(self, queue: BatchQueue, sender: Sender, stop: StopSignal, concurrency: int) -> None:
        self._queue = queue
        self._sender = sender
        self._stop = stop
        self._concurrency = concurrency
        self._threads: list[threading.Thread] = []

    def put(self, batch: ItemBatch) -> None:
        """
        Add a batch to the queue, and see that a thread takes it.

        :param batch: the next items of the query.
        :raises OSError: when the disk fails, or is full of batches while the queue is paused.
        :raises BaseException: what a sender failed with, or the stop was ordered with.
        """
        self._queue.put(batch)
        if self._queue.wants_sender():
            self._start_thread()

    def resume(self) -> None:
        """Let a paused queue hand out its batches."""
        self._queue.resume()
        for _ in range(self._concurrency):
            if self._queue.wants_sender():
                self._start_thread()

    def join(self) -> None:
        """End the threads, once the queue is empty."""
        self._queue.end()
        for thread in self._threads:
            thread.join()

    def _start_thread(self) -> None:
        if len(self._threads) >= self._concurrency:
            return
        # A daemon: a request that nobody waits for any more must not hold up the end of the process.
        thread = threading.Thread(target=self._work, name=f"heap-delivery-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (batch := self._queue.take()) is not None:
            try:
                self._sender.deliver(batch)
            except RateLimiterClosed:
                pass
            except BaseException as error:
                self._stop.set(error)
            finally:
                self._queue.done(batch)
