"""
What a run of a sync needs whatever its records are: the hold, and the row of the sync that says who ran last.

:class:`.SyncState` and :class:`.DiffState` add how rows are compared and recorded.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from airflow_provider_heap.exceptions import HeapError
from airflow_provider_heap.sync.plan import Holder, Log, StateSettings
from airflow_provider_heap.sync.state.deletions import DeletionRecords
from airflow_provider_heap.sync.state.lease import Lease
from airflow_provider_heap.sync.state.recorder import Recorder
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.sync.state.store import Store
from airflow_provider_heap.sync.stop_signal import StopSignal

#: Seconds that the database gets for the end of a run that was stopped.
CLOSE_GRACE = 0.5


class HeldState:
    """
    The hold of one sync, for one run; base of the two ways to compare.

    It is new, then open, then closed. One thread calls :meth:`open` and :meth:`check_mapping`; all threads that send
    call :meth:`assert_held`. :meth:`close` may be called while a call of another thread waits for the database.
    ``_lock`` guards ``_recorder`` and ``_closed``.

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
        self._deletions = DeletionRecords(store, key) if key.heap_object.deletes else None
        self._signature: str | None = None
        self._stop = StopSignal()
        self._log: Log | None = None
        self._recorder: Recorder | None = None
        self._is_empty = False
        self._closed = False
        self._lock = threading.Lock()

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
        if self._is_empty:
            return
        if not read_only:
            self._store.create_tables()
            if self._deletions is not None:
                self._deletions.create_table()
        rows = self._store.sync_rows(self._key.sync)
        if rows and not full_sync and self._key.id not in {row["sync_id"] for row in rows}:
            _warn_of_other_targets(rows, self._key.sync, log)
        if read_only:
            return
        self._store.register_sync(self._key)
        stop.raise_if_set()
        self._hold(stop, log)
        stop.raise_if_set()
        self._begin()

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
            _warn_of_new_mapping(last, signature, self._recorded_keys(), self._key.sync, self._log)

    def assert_held(self) -> None:
        """
        Make sure that no other run took the sync: to be called right before every request, and every try of one.

        :raises SyncRunningError: when the sync is not held any more.
        :raises StateError: when the database fails.
        """
        if self._recorder is not None:
            self._recorder.assert_held()

    def close(self, done: bool, grace: float = CLOSE_GRACE) -> None:
        """
        Release the sync, and close the connections. What fails is logged, so as not to hide why a run failed.

        When the run ended early this waits some seconds at most: the database may not answer. A hold that was not
        released expires.

        :param done: the run came to its end.
        :param grace: seconds that the database gets when the run ended early.
        """
        with self._lock:
            self._closed = True
            recorder = self._recorder
        ended = threading.Event()
        threading.Thread(target=self._end, args=(recorder, done, ended), name="heap-state-end", daemon=True).start()
        while not ended.wait(0.1) and not self._stop.is_set:
            pass
        if not ended.wait(grace) and recorder is not None and self._log is not None:
            self._log.warning(
                "The state's database does not answer: the next run gets sync %s when this run's hold expires",
                self._key.sync,
            )

    def _begin(self) -> None:
        """Do what comes first once the sync is held."""

    def _hold(self, stop: StopSignal, log: Log) -> None:
        lease = None
        if self._key.heap_object.exclusive:
            lease = Lease(self._store, self._key, self._holder, stop)
            lease.acquire(self._settings.hold_timeout, log)
        with self._lock:
            if not self._closed:
                self._recorder = Recorder(self._store, self._key, lease, self._deletions)
                return
        if lease is not None:  # the run ended while the database let us wait
            lease.release()

    def _end(self, recorder: Recorder | None, done: bool, ended: threading.Event) -> None:
        values: dict[str, Any] = {"last_run": self._holder.run, "last_run_at": int(time.time())}
        if done and self._signature is not None:
            values["mapping"] = self._signature
        try:
            if recorder is not None:
                lost = self._lost_hold()
                recorder.end(**values)
                self._after_end(lost)
        except HeapError as error:
            if self._log is not None:
                self._log.warning("%s", error)
        finally:
            self._store.close()
            ended.set()

    def _lost_hold(self) -> bool:
        """Return whether another run took the sync, where that matters at the end."""
        return False

    def _after_end(self, lost: bool) -> None:
        """Do what is left once the sync is released."""

    def _recorded_keys(self) -> str:
        """Return how many keys are recorded, for a message."""
        return "keys"


def _warn_of_other_targets(rows: Sequence[dict[str, Any]], sync: str, log: Log) -> None:
    targets = {f"{row['base_url']} (App ID {row['app_id']}, {row['object']}s)" for row in rows}
    log.warning(
        "The state of sync %s is empty for this target, so every row counts as new; there is state for %s",
        sync,
        ", ".join(sorted(targets)),
    )


def _warn_of_new_mapping(last: str, signature: str, keys: str, sync: str, log: Log) -> None:
    new_release = last.partition(":")[0] != signature.partition(":")[0]
    log.warning(
        "%s; of the %s recorded for sync %s those whose item is another one now are sent again, perhaps all",
        "This release encodes values differently from the one that ran last"
        if new_release
        else "The mapping has changed since the last run, or holds a constant that changes with each run",
        keys,
        sync,
    )
