"""Strike fingerprints out before items are sent, and write them after Heap took them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from itertools import compress
from typing import Any

from airflow_provider_heap.exceptions import SyncRunningError
from airflow_provider_heap.sync.items import ItemBatch
from airflow_provider_heap.sync.state.deletions import DeletionRecords
from airflow_provider_heap.sync.state.lease import Lease
from airflow_provider_heap.sync.state.state_key import StateKey, fingerprints
from airflow_provider_heap.sync.state.store import Store

#: Batches, the last ones, whose outcome may be unknown: more than there are requests in flight.
MAX_UNSETTLED = 256


class Recorder:
    """
    Keep the fingerprints of what is sent. Safe to use from several threads: ``_lock`` guards ``_unsettled``.

    :param store: the database.
    :param key: the sync and its target.
    :param lease: the hold of the sync; None for events, which Heap itself counts once.
    :param deletions: the requests of a sync that deletes users.
    """

    def __init__(
        self, store: Store, key: StateKey, lease: Lease | None = None, deletions: DeletionRecords | None = None
    ) -> None:
        self._store = store
        self._key = key
        self._lease = lease
        self._fence = lease.fence if lease is not None else None
        self._deletions = deletions
        # What Heap keeps as it was first sent cannot be made untrue by another request.
        self._strikes_out = lease is not None and not key.heap_object.write_once
        # Keys of the batches that were sent and not recorded as a whole.
        self._unsettled: deque[Sequence[str]] = deque(maxlen=MAX_UNSETTLED)
        self._lock = threading.Lock()

    def assert_held(self) -> None:
        """
        Make sure that the sync is still held.

        :raises SyncRunningError: when it is not held any more.
        :raises StateError: when the database fails.
        """
        if self._lease is not None:
            self._lease.assert_held()

    def is_shared(self) -> bool:
        """
        Return whether another instance of a mapped task holds the sync too; never for events, which need no hold.

        :raises StateError: when the database fails.
        """
        return self._lease is not None and self._lease.is_shared()

    def strike_out(self, items: ItemBatch) -> None:
        """
        Strike out the recorded fingerprints of items that are about to be sent; :meth:`assert_held` comes after it.

        :param items: the items.
        :raises SyncRunningError: when the sync is not held any more.
        :raises StateError: when the database fails.
        """
        if not self._strikes_out:
            return
        recorded = list(compress(items.keys, items.recorded))
        if recorded:
            self._store.strike_out(self._key.key_hashes(recorded), self._fence)
        with self._lock:
            self._unsettled.append(items.keys)

    def record(self, items: ItemBatch, request_id: str | None = None) -> None:
        """
        Write the fingerprints of items that Heap took; for a deletion, the request and who is in it.

        :param items: the items.
        :param request_id: Heap's ID of the deletion.
        :raises SyncRunningError: when the sync is not held any more.
        :raises StateError: when the database fails.
        """
        # Of two items with one key the last one counts, as it does at Heap.
        now, prints = int(time.time()), fingerprints(items.bodies)
        if self._deletions is not None and request_id is not None:
            # First the request: a user who is recorded with it can then be looked up.
            self._deletions.add(request_id, len(items), now, self._fence)
            prints = [self._deletions.hash_of(request_id)] * len(items)
        current = dict(zip(self._key.key_hashes(items.keys), prints, strict=True))
        try:
            self._store.record(self._key.id, current, now, self._fence)
        except SyncRunningError:
            if self._strikes_out:
                # Heap holds these items, maybe over newer ones of the run that has the sync now.
                self._store.strike_out(list(current))
            raise
        with self._lock:
            for position, keys in enumerate(self._unsettled):
                if keys is items.keys:
                    del self._unsettled[position]
                    break

    def end(self, **values: Any) -> None:
        """
        Write into the sync's row and release the sync. To be called once, after the last request.

        When the sync was lost, the row is that of another run. What was sent and not recorded is struck out then,
        because Heap may take it at any time.

        :param values: by column of the sync's row.
        :raises StateError: when the database fails; the hold expires then.
        """
        try:
            self._store.update_sync(self._key, self._fence, **values)
        except SyncRunningError:
            with self._lock:
                keys = [key for batch in self._unsettled for key in batch]
            if keys:
                self._store.strike_out(self._key.key_hashes(keys))
        finally:
            if self._lease is not None:
                self._lease.release()
