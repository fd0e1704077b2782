"""Send only what is new or different, and record what Heap took."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any, Protocol

from airflow_provider_heap.exceptions import StateError
from airflow_provider_heap.sync.items import ItemBatch
from airflow_provider_heap.sync.plan import StateSettings
from airflow_provider_heap.sync.seen_keys import SeenKeys
from airflow_provider_heap.sync.state.lease import Holder, Lease
from airflow_provider_heap.sync.state.state_key import StateKey, fingerprints
from airflow_provider_heap.sync.state.store import Store
from airflow_provider_heap.sync.stop_signal import StopSignal


class Log(Protocol):
    """What a logger must have here; Airflow's own are not the standard library's."""

    def info(self, message: Any, /, *args: Any) -> Any:
        """Log what a person who watches the run should read."""

    def warning(self, message: Any, /, *args: Any) -> Any:
        """Log what that person should act upon."""


class SyncState:
    """
    The state of one sync, for one run.

    It is new, then open, then closed. One thread calls :meth:`open`, :meth:`check_mapping`, :meth:`select_changed` and
    :meth:`close`; :meth:`strike_out` and :meth:`record` are called by all threads that send.

    :param store: the database.
    :param key: the sync and its target.
    :param holder: who runs the sync.
    :param settings: how the state is used.
    :param read_only: record nothing and hold nothing, for a dry run.
    """

    def __init__(
        self, store: Store, key: StateKey, holder: Holder, settings: StateSettings, *, read_only: bool = False
    ) -> None:
        self._store = store
        self._key = key
        self._holder = holder
        self._retention = settings.retention
        self._read_only = read_only
        #: Every row counts as new.
        self._all_rows = settings.full_sync
        #: A run came to its end before, so that there is something to compare with.
        self.compares = False
        #: Number of items whose key was not recorded; None when that was not looked up.
        self.new: int | None = None
        self._write_once = key.heap_object.write_once
        self._signature: str | None = None
        self._lease: Lease | None = None
        self._log: Log | None = None
        self._recorded_to = False
        self._seen_keys = SeenKeys()

    def open(self, stop: StopSignal, log: Log) -> None:
        """
        Create the tables if they are missing, and hold the sync.

        :param stop: ends the waits; set when another run takes the sync over.
        :param log: takes what a person should know before anything is sent.
        :raises SyncRunningError: when another run holds the sync.
        :raises StateError: when the database fails.
        """
        self._log = log
        if self._read_only and not self._store.has_tables():
            self._all_rows, self.new = True, 0
            return
        if not self._read_only:
            self._store.create_tables()
        self._warn_of_other_targets(log)
        if self._read_only:
            return
        self._store.register_sync(self._key)
        if not self._write_once:  # Heap itself counts an event once
            lease = Lease(self._store, self._key, self._holder, stop)
            lease.acquire()
            self._lease = lease
        self._recorded_to = True
        if self._retention is not None:
            self._store.delete(self._key.id, before=int(time.time() - self._retention))

    def check_mapping(self, signature: str) -> None:
        """
        Compare the mapping's signature with the last run's, before the first item.

        :param signature: of the mapping that makes the items.
        :raises StateError: when the database fails.
        """
        self._signature = signature
        if self._all_rows:
            return
        last = (self._store.sync_row(self._key) or {}).get("mapping")
        self.compares = last is not None
        if last in (None, signature) or self._write_once or self._log is None:
            return
        new_release = last.partition(":")[0] != signature.partition(":")[0]
        self._log.warning(
            "%s; of the %s keys recorded for sync %s those whose item is another one now are sent again, perhaps all",
            "This release encodes values differently from the one that ran last"
            if new_release
            else "The mapping has changed since the last run, or holds a constant that changes with each run",
            f"{self._store.size(self._key.id):,}",
            self._key.sync,
        )

    def select_changed(self, items: ItemBatch) -> ItemBatch:
        """
        Return those items that Heap does not hold yet, and mark those whose key is recorded.

        To be called with all items of a run, in order. An item whose key is already on its way is sent too, whatever
        the state says: what it says is about to change.

        :param items: the next items of the query.
        :raises StateError: when the database fails.
        """
        key_hashes = self._key.key_hashes(items.keys)
        numbers = self._seen_keys.note(key_hashes)
        if self._all_rows:
            if self.new is not None:
                self.new += len(key_hashes)
            return items
        known = self._store.fingerprints_of(key_hashes)
        recorded = [key_hash in known for key_hash in key_hashes]
        self.new = (self.new or 0) + len(key_hashes) - sum(recorded)
        if self._write_once:
            changed = [not is_recorded for is_recorded in recorded]
        else:
            current = fingerprints(items.bodies)
            changed = [
                known.get(key_hash) != fingerprint for key_hash, fingerprint in zip(key_hashes, current, strict=True)
            ]
        self._seen_keys.mark_sent(numbers, changed)
        items = ItemBatch(items.numbers, items.keys, items.person_keys, items.bodies, recorded)
        return items if all(changed) else items.select(changed)

    def strike_out(self, items: ItemBatch) -> None:
        """
        Prepare the state for items that are about to be sent.

        :param items: the items of the next request.
        :raises StateError: when the database fails.
        """

    def record(self, items: ItemBatch) -> None:
        """
        Record items that Heap took.

        :param items: the items of a request that was answered with a 2xx.
        :raises StateError: when the database fails.
        """
        # Of two items with one key the last one counts, as it does at Heap.
        current = dict(zip(self._key.key_hashes(items.keys), fingerprints(items.bodies), strict=True))
        self._store.record(self._key.id, current, int(time.time()))

    def duplicate_keys(self) -> int:
        """Return how many keys came more than once in this run."""
        return self._seen_keys.duplicates()

    def close(self, done: bool) -> None:
        """
        Release the sync. What fails is logged, so as not to hide why a run failed.

        :param done: the run came to its end.
        """
        with closing(self._seen_keys):
            if not self._recorded_to:
                return
            values: dict[str, Any] = {"last_run": self._holder.run, "last_run_at": int(time.time())}
            if done and self._signature is not None:
                values["mapping"] = self._signature
            try:
                if self._lease is not None:
                    self._lease.release()
                self._store.update_sync(self._key, **values)
            except StateError as error:
                if self._log is not None:
                    self._log.warning("%s", error)

    def _warn_of_other_targets(self, log: Log) -> None:
        rows = self._store.sync_rows(self._key.sync)
        if not rows or self._all_rows or self._key.id in {row["sync_id"] for row in rows}:
            return
        targets = {f"{row['base_url']} (App ID {row['app_id']}, {row['object']}s)" for row in rows}
        log.warning(
            "The state of sync %s is empty for this target, so every row counts as new; there is state for %s",
            self._key.sync,
            ", ".join(sorted(targets)),
        )
