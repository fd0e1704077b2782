"""
Hold a sync, so that one run of it works at a time: two that write the same keys would overtake each other.

A run renews its hold every ten seconds. A hold that was not renewed for a minute is that of a dead run, and the next
run may take the sync. Mapped instances of one DAG run hold a sync together. A retry takes over the hold of its own
instance.

A process may also stand still for longer than a minute and go on: it was frozen. And a retry may begin while the try
before still lives. So whoever is about to send calls :meth:`Lease.assert_held`, which looks at the clocks and into the
database, and whoever is about to write fingerprints calls :meth:`Lease.fence` in the same transaction.
"""

from __future__ import annotations

import threading
import time

import sqlalchemy as sa

from airflow_provider_heap.exceptions import StateError, SyncRunningError
from airflow_provider_heap.sync.plan import Holder, Log
from airflow_provider_heap.sync.state.holders import NOTE_EXPIRES, HolderRows
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.sync.state.store import Store
from airflow_provider_heap.sync.stop_signal import StopSignal

#: Seconds after which a holder that does not renew its hold counts as dead.
EXPIRES_AFTER = 60.0
#: Seconds between two renewals.
RENEW_EVERY = 10.0
#: Seconds between two looks at whether another run's hold is free.
POLL_EVERY = 1.0


class Lease:
    """
    Holds a sync for a run, from :meth:`acquire` to :meth:`release`; a thread of its own renews it meanwhile.

    It is held, then released or lost; neither is undone. ``_lock`` guards ``_renewed``, ``_lost`` and ``_released``.

    :param store: the database.
    :param key: the sync and its target.
    :param holder: who runs it.
    :param stop: ends the waits; set when the hold is lost, because another run took it or it could not be renewed.
    """

    def __init__(self, store: Store, key: StateKey, holder: Holder, stop: StopSignal) -> None:
        self._store = store
        self._key = key
        self._rows = HolderRows(store, key, holder)
        self._stop = stop
        #: The clocks just before the hold was renewed last.
        self._renewed = _clocks()
        self._lost: SyncRunningError | None = None
        self._released = False
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="heap-lease", daemon=True)

    def acquire(self, timeout: float = 0.0, log: Log | None = None) -> None:
        """
        Take the sync.

        :param timeout: seconds to wait for another run that holds it; a stop ends the wait.
        :param log: takes a line about the wait.
        :raises SyncRunningError: when another run holds it.
        :raises StateError: when the database fails.
        """
        end, waits = time.monotonic() + timeout, False
        while True:
            started = _clocks()
            runs = self._store.transact("held", lambda connection: self._rows.acquire(connection, EXPIRES_AFTER))
            if not runs:
                break
            seconds = end - time.monotonic()
            if seconds <= 0:
                raise self._held_by(runs)
            if log is not None and not waits:
                log.info(
                    "Sync %s is held by another run, %s: waiting up to %.0f s for it",
                    self._key.sync,
                    ", ".join(sorted(runs)),
                    timeout,
                )
            waits = True
            self._stop.wait(min(POLL_EVERY, seconds))
        self._renewed = started
        self._thread.start()

    def assert_held(self) -> None:
        """
        Make sure that the sync is still held, right before a request.

        :raises SyncRunningError: when the sync is not held any more.
        :raises StateError: when the database fails.
        """
        with self._lock:
            lost, age = self._lost, _seconds_since(self._renewed)
        if lost is not None:
            raise lost
        if age >= EXPIRES_AFTER:
            raise self._lose(f"its hold was not renewed for {age:.0f} s, so another run may have taken it")
        if age >= 2 * RENEW_EVERY:
            self._renew()
        elif taken_by := self._store.read(self._look):
            raise self._lose(taken_by)

    def is_shared(self) -> bool:
        """
        Return whether another instance of a mapped task holds the sync too.

        :raises StateError: when the database fails.
        """
        return self._store.read(self._rows.is_shared)

    def fence(self, connection: sa.engine.Connection) -> None:
        """
        Make sure that the sync is held until the end of a transaction.

        :param connection: to the database, in the transaction.
        :raises SyncRunningError: when the sync is not held any more.
        """
        with self._lock:
            lost = self._lost
        if lost is not None:
            raise lost
        if not self._rows.renew(connection):
            raise self._lose(self._rows.taken_by(connection))

    def release(self) -> None:
        """
        Let the next run have the sync.

        :raises StateError: when the database fails; the hold expires then.
        """
        with self._lock:
            self._released = True
        self._ended.set()
        self._store.transact("held", lambda connection: self._rows.release(connection, EXPIRES_AFTER))

    def _keep(self) -> None:
        """Renew the hold until it is released or lost."""
        note_renewed, failure = time.monotonic(), None
        while not self._ended.wait(RENEW_EVERY):
            try:
                with self._lock:
                    age = _seconds_since(self._renewed)
                if age >= EXPIRES_AFTER:
                    why = f": {failure}" if failure is not None else ""
                    self._lose(f"its hold could not be renewed for {age:.0f} s{why}")
                    return
                self._renew()
                if time.monotonic() - note_renewed > NOTE_EXPIRES / 4:
                    self._store.transact("held", lambda connection: self._rows.renew_note(connection, EXPIRES_AFTER))
                    note_renewed = time.monotonic()
            except StateError as error:
                failure = error  # the next try may succeed; as long as the hold is young nobody else takes the sync
            except SyncRunningError:
                return

    def _look(self, connection: sa.engine.Connection) -> str | None:
        """Return who has the sync; None when we have it."""
        return None if self._rows.holds(connection) else self._rows.taken_by(connection)

    def _renew(self) -> None:
        started = _clocks()
        self._store.transact("held", self.fence)
        with self._lock:
            self._renewed = started

    def _lose(self, why: str) -> SyncRunningError:
        """Order the stop, and return its error."""
        with self._lock:
            if self._lost is None:
                self._lost = SyncRunningError(
                    f"Sync {self._key.sync!r} {why}. This run stops, so as not to overtake that one."
                )
            released = self._released
        self._ended.set()
        if not released:
            self._stop.set(self._lost)
        return self._lost

    def _held_by(self, runs: set[str]) -> SyncRunningError:
        return SyncRunningError(
            f"Sync {self._key.sync!r} to {self._key.environment.label} is held by another run, "
            f"{', '.join(sorted(runs))}: two at a time would overtake each other. It is free when that run "
            f"ends, or {EXPIRES_AFTER:.0f} s after it died. To keep runs apart, set "
            "max_active_runs=1 for the DAG, or give one of two syncs another sync_name."
        )


def _clocks() -> tuple[float, ...]:
    """Read the clocks: one that nobody sets, the wall's, and where there is one, one that goes on during suspension."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic(), time.time(), time.clock_gettime(boot) if boot is not None else 0.0


def _seconds_since(clocks: tuple[float, ...]) -> float:
    """Return how long ago the clocks were read, by the one that says most."""
    return max(now - then for now, then in zip(_clocks(), clocks, strict=True))
