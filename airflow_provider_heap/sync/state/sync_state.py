"""
Send only what is new or different, and record what Heap took.

The promise: whatever the source does next, and whenever a run died, the next run that succeeds leaves Heap equal to the
source. It rests on one rule. **A recorded fingerprint says: this is what Heap holds. A request whose outcome is unknown
may have changed that, so before it is sent the fingerprints of its keys are struck out, and after a 2xx they are
written again.** A key that is struck out counts as changed, whatever its item is next. Two kinds of items cost nothing,
because there is nothing to strike out: new ones, and unchanged ones, which are not sent. What follows:

- An item that is *rejected* stays struck out, also when a request that held it failed in a way that may have applied a
  part of it. It is sent again by the next run, even if the source went back to the value that was recorded before.
- A *probe*, an item that is sent ahead of its batch, is struck out like any other before it is sent.
- A *key that comes twice* in a run is struck out from its second item on, since the first may be recorded by then.
- *Redrive* and *full_sync* send items whatever the state says, but they look recorded keys up, and strike out those
  whose fingerprint differs. Old items that were sent over newer ones are recorded, so the next run of the sync finds
  that they differ.
- *adopt* records without sending. It is the user's word that Heap holds the items, and clears what was struck out.
- *forget* deletes keys, which then count as new: they are sent, whatever Heap holds.
- *Shards* share a state. Each key must be in one of them; the order of two requests with one key is that in which they
  arrive at Heap.
- A row that *leaves* the model and returns is unchanged, unless its key was struck out meanwhile.
- *Events* are not struck out: Heap takes the first one with an idempotency key, so that nothing can change it. One that
  was deleted by age is sent again, and counted once by Heap.
- What the *hook's* methods send, or anybody else, is not known to the state, so a sync does not repair it.

A run that lost its hold (:mod:`.lease`) may have had requests on the wire. Their keys are struck out when it finds out,
so that the next run sends them again over whatever those requests did.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from airflow_provider_heap.exceptions import StateError
from airflow_provider_heap.sync.items import ItemBatch
from airflow_provider_heap.sync.plan import Holder, Log, StateSettings
from airflow_provider_heap.sync.state.changes import ChangeSelector
from airflow_provider_heap.sync.state.lease import Lease
from airflow_provider_heap.sync.state.recorder import Recorder
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.sync.state.store import Store
from airflow_provider_heap.sync.stop_signal import StopSignal

#: Seconds that the database gets for the end of a run that was stopped.
CLOSE_GRACE = 0.5


class SyncState:
    """
    The state of one sync, for one run.

    It is new, then open, then closed. One thread calls :meth:`open`, :meth:`check_mapping` and :meth:`select_changed`;
    all threads that send call :meth:`assert_held`, :meth:`strike_out` and :meth:`record`. :meth:`close` may be called
    while a call of another thread waits for the database. ``_lock`` guards ``_recorder`` and ``_closed``.

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
        self._settings = settings
        self._read_only = read_only
        #: A run came to its end before, so that there is something to compare with.
        self.compares = False
        self._write_once = key.heap_object.write_once
        self._signature: str | None = None
        self._stop = StopSignal()
        self._log: Log | None = None
        self._recorder: Recorder | None = None
        self._is_empty = False
        self._closed = False
        self._lock = threading.Lock()
        self._changes: ChangeSelector | None = None

    def open(self, stop: StopSignal, log: Log) -> None:
        """
        Create the tables if they are missing, and hold the sync.

        :param stop: ends the waits for other runs; set when another run takes the sync over.
        :param log: takes what a person should know before anything is sent.
        :raises SyncRunningError: when another run holds the sync, for longer than ``hold_timeout``.
        :raises StateError: when the database fails.
        """
        self._stop, self._log = stop, log
        full_sync, read_only = self._settings.full_sync, self._read_only
        self._is_empty = read_only and not self._store.has_tables()
        store = None if self._is_empty else self._store
        self._changes = ChangeSelector(store, self._key, full_sync=full_sync, read_only=read_only)
        if self._is_empty:
            return
        if not read_only:
            self._store.create_tables()
        rows = self._store.sync_rows(self._key.sync)
        if rows and not full_sync and self._key.id not in {row["sync_id"] for row in rows}:
            _warn_of_other_targets(rows, self._key.sync, log)
        if read_only:
            return
        self._store.register_sync(self._key)
        stop.raise_if_set()
        self._hold(stop, log)
        stop.raise_if_set()
        if self._settings.retention is not None:
            self._store.delete(self._key.id, before=int(time.time() - self._settings.retention))

    def check_mapping(self, signature: str) -> None:
        """
        Compare the mapping's signature with the last run's, before the first item.

        :param signature: of the mapping that makes the items.
        :raises StateError: when the database fails.
        """
        self._signature = signature
        if self._settings.full_sync or self._is_empty:
            return
        last = (self._store.sync_row(self._key) or {}).get("mapping")
        self.compares = last is not None
        if last not in (None, signature) and not self._write_once and self._log is not None:
            _warn_of_new_mapping(last, signature, self._store.size(self._key.id), self._key.sync, self._log)

    def select_changed(self, items: ItemBatch) -> ItemBatch:
        """
        Return the items that are to be sent. To be called with all items of a run, in order.

        :param items: the next items of the query.
        :raises StateError: when the database fails.
        """
        return self._open_changes.select(items)

    def assert_held(self) -> None:
        """
        Make sure that no other run took the sync: to be called right before every request, and every try of one.

        :raises SyncRunningError: when the sync is not held any more.
        :raises StateError: when the database fails.
        """
        if self._recorder is not None:
            self._recorder.assert_held()

    def strike_out(self, items: ItemBatch) -> None:
        """
        Prepare the state for items that are about to be sent; before the first request that holds them.

        :param items: the items.
        :raises SyncRunningError: when the sync is not held any more; then they must not be sent.
        :raises StateError: when the database fails; then they must not be sent.
        """
        if self._recorder is not None:
            self._recorder.strike_out(items)

    def record(self, items: ItemBatch) -> None:
        """
        Record items that Heap took.

        :param items: the items of a request that was answered with a 2xx.
        :raises SyncRunningError: when the sync is not held any more.
        :raises StateError: when the database fails.
        """
        if self._recorder is None:
            raise RuntimeError("The state is not open, or read-only.")
        self._recorder.record(items)

    @property
    def new(self) -> int | None:
        """Number of items whose key was not recorded; None when that was not looked up."""
        return self._changes.new if self._changes is not None else None

    def duplicate_keys(self) -> int:
        """Return how many keys came more than once in this run."""
        return self._open_changes.duplicate_keys()

    def close(self, done: bool, grace: float = CLOSE_GRACE) -> None:
        """
        Release the sync. What fails is logged, so as not to hide why a run failed.

        When the run ended early this waits some seconds at most: the database may not answer. A hold that was not
        released expires.

        :param done: the run came to its end.
        :param grace: seconds that the database gets when the run ended early.
        """
        with self._lock:
            self._closed = True
            recorder = self._recorder
        try:
            if recorder is None:
                return
            ended = threading.Event()
            threading.Thread(target=self._end, args=(recorder, done, ended), name="heap-state-end", daemon=True).start()
            while not ended.wait(0.1) and not self._stop.is_set:
                pass
            if not ended.wait(grace) and self._log is not None:
                self._log.warning(
                    "The state's database does not answer: the next run gets sync %s when this run's hold expires",
                    self._key.sync,
                )
        finally:
            if self._changes is not None:
                self._changes.close()

    @property
    def _open_changes(self) -> ChangeSelector:
        if self._changes is None:
            raise RuntimeError("The state is not open.")
        return self._changes

    def _hold(self, stop: StopSignal, log: Log) -> None:
        lease = None
        if not self._write_once:  # Heap itself counts an event once
            lease = Lease(self._store, self._key, self._holder, stop)
            lease.acquire(self._settings.hold_timeout, log)
        with self._lock:
            if not self._closed:
                self._recorder = Recorder(self._store, self._key, lease)
                return
        if lease is not None:  # the run ended while the database let us wait
            lease.release()

    def _end(self, recorder: Recorder, done: bool, ended: threading.Event) -> None:
        values: dict[str, Any] = {"last_run": self._holder.run, "last_run_at": int(time.time())}
        if done and self._signature is not None:
            values["mapping"] = self._signature
        try:
            recorder.end(**values)
        except StateError as error:
            if self._log is not None:
                self._log.warning("%s", error)
        finally:
            ended.set()


def _warn_of_other_targets(rows: Sequence[dict[str, Any]], sync: str, log: Log) -> None:
    targets = {f"{row['base_url']} (App ID {row['app_id']}, {row['object']}s)" for row in rows}
    log.warning(
        "The state of sync %s is empty for this target, so every row counts as new; there is state for %s",
        sync,
        ", ".join(sorted(targets)),
    )


def _warn_of_new_mapping(last: str, signature: str, size: int, sync: str, log: Log) -> None:
    new_release = last.partition(":")[0] != signature.partition(":")[0]
    log.warning(
        "%s; of the %s keys recorded for sync %s those whose item is another one now are sent again, perhaps all",
        "This release encodes values differently from the one that ran last"
        if new_release
        else "The mapping has changed since the last run, or holds a constant that changes with each run",
        f"{size:,}",
        sync,
    )
