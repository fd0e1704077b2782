"""The batches between the reader and the senders: a few in memory, the rest on disk, each key in order."""

from __future__ import annotations

import threading
from collections import deque
from errno import ENOSPC

from airflow_provider_heap.sync.delivery.spool import Spool
from airflow_provider_heap.sync.items import ItemBatch
from airflow_provider_heap.sync.plan import Log
from airflow_provider_heap.sync.stop_signal import StopSignal

#: Seconds to wait for room in memory before a batch goes to disk: reading is often ahead for a moment only.
ROOM_WAIT = 0.1
#: Seconds after which a full disk is tried again.
FULL_DISK_WAIT = 1.0


class BatchQueue:
    """
    Hand batches from the reader's thread to the senders' threads, first in, first out.

    A batch that shares a key with one in flight waits, and so do those behind it: the items of a key stay in order.

    It is ``paused`` (batches are kept), open, ended (no batch is added any more; the rest is handed out) or stopped
    (nothing is handed out). ``_lock`` guards all attributes; both conditions use it. The stop signal is never set or
    notified with the lock held, because its own lock is held while it asks :meth:`is_empty`.

    :param in_memory: batches that wait in memory; further ones wait on disk.
    :param stop: ends all waits, and stops the queue.
    :param log: says when batches go to disk.
    :param paused: hand out nothing before :meth:`resume`.
    """

    def __init__(self, in_memory: int, stop: StopSignal, log: Log, paused: bool = False) -> None:
        self._in_memory = in_memory
        self._stop = stop
        self._log = log
        self._paused = paused
        self._ended = False
        # In the order of the query: in flight, waiting in memory, waiting on disk.
        self._in_flight: list[ItemBatch] = []
        self._waiting: deque[ItemBatch] = deque()
        self._spool = Spool()
        self._keys_in_flight: set[str] = set()
        self._idle_senders = 0
        self._lock = threading.RLock()
        self._batch_added = threading.Condition(self._lock)
        self._batch_done = threading.Condition(self._lock)
        stop.on_set(self._wake)

    def put(self, batch: ItemBatch) -> None:
        """
        Add a batch. It waits in memory, or else on disk, or else this waits until there is room.

        :param batch: the next items of the query.
        :raises OSError: when the disk fails, or is full of batches while the queue is paused.
        :raises BaseException: the error that the stop was ordered with.
        """
        with self._lock:
            seconds = 0.0 if self._paused or self._spool.items else ROOM_WAIT
            disk_is_full = False
            while not self._wait_for_room(seconds):
                if self._spool_batch(batch):
                    return
                if not disk_is_full:
                    self._log.info("The disk of %s is full: reading waits for Heap", self._spool.folder)
                disk_is_full, seconds = True, FULL_DISK_WAIT
            self._waiting.append(batch)
            self._batch_added.notify()

    def take(self) -> ItemBatch | None:
        """
        Wait for the next batch that may be sent, and return it; None at the end.

        Whoever took a batch calls :meth:`done` with it.
        """
        try:
            with self._lock:
                self._idle_senders += 1
                self._batch_added.wait_for(self._may_take)
                self._idle_senders -= 1
                if self._stop.is_set or not self._waiting:
                    return None
                batch = self._waiting.popleft()
                if self._spool.items:
                    self._waiting.append(self._spool.get())
                self._in_flight.append(batch)
                self._keys_in_flight.update(batch.keys)
                if self._waiting:  # a sender that waited for a key may take it now
                    self._batch_added.notify()
                return batch
        except Exception as error:  # the disk failed
            self._stop.set(error)
            return None

    def done(self, batch: ItemBatch) -> None:
        """
        Remove a batch that was taken: each of its items has its outcome, or the run ends.

        :param batch: the batch.
        """
        with self._lock:
            self._in_flight.remove(batch)
            self._keys_in_flight.difference_update(batch.keys)
            self._batch_added.notify()
            self._batch_done.notify_all()
        self._stop.notify()

    def resume(self) -> None:
        """Hand out what waits."""
        with self._lock:
            self._paused = False
            self._batch_added.notify_all()

    def end(self) -> None:
        """Say that no batch is added any more."""
        with self._lock:
            self._ended = True
            self._batch_added.notify_all()

    def cancel(self, seconds: float) -> int:
        """
        Drop what waits, and give requests in flight a moment to be answered; the stop must be ordered before.

        :param seconds: how long.
        :return: how many batches were still in flight then.
        """
        with self._lock:
            self._waiting.clear()
            self._spool.close()
            self._batch_done.wait_for(lambda: not self._in_flight, seconds)
            return len(self._in_flight)

    def close(self) -> None:
        """Release the disk space."""
        with self._lock:
            self._spool.close()

    def is_empty(self) -> bool:
        """Return whether nothing waits and nothing is in flight."""
        with self._lock:
            return not self._waiting and not self._in_flight

    def wants_sender(self) -> bool:
        """Return whether more batches wait than senders are idle."""
        with self._lock:
            return not self._paused and len(self._waiting) > self._idle_senders

    def undelivered(self) -> list[ItemBatch]:
        """Return the batches in flight and those that wait in memory, in order."""
        with self._lock:
            return [*self._in_flight, *self._waiting]

    @property
    def on_disk(self) -> int:
        """Items that wait on disk."""
        return self._spool.items

    def _wake(self) -> None:
        with self._lock:
            self._batch_added.notify_all()
            self._batch_done.notify_all()

    def _wait_for_room(self, seconds: float) -> bool:
        def has_room() -> bool:
            return not self._spool.items and len(self._waiting) < self._in_memory

        self._batch_done.wait_for(lambda: self._stop.is_set or has_room(), seconds)
        self._stop.raise_if_set()
        return has_room()

    def _spool_batch(self, batch: ItemBatch) -> bool:
        """Write a batch to disk, and return whether there was space."""
        is_first = not self._spool.items
        if self._spool.put(batch):
            if is_first:
                why = "Guards hold all rows back" if self._paused else "Rows are read faster than Heap takes them"
                self._log.info("%s: they wait on disk, in %s", why, self._spool.folder)
            return True
        if self._paused:
            raise OSError(
                ENOSPC,
                f"The disk of {self._spool.folder} is full of rows that guards hold back; nothing was sent. Make "
                "room, let TMPDIR name another place, or set no guards",
            )
        return False

    def _may_take(self) -> bool:
        if self._stop.is_set or (self._ended and not self._waiting):
            return True
        return not self._paused and bool(self._waiting) and self._keys_in_flight.isdisjoint(self._waiting[0].keys)
