"""
Hold a sync, so that one run of it works at a time: two that write the same keys would overtake each other.

A run writes a note into the sync's row, and renews it every ten seconds. A note that was not renewed for a minute is
that of a dead run. Mapped instances of one DAG run hold a sync together. A retry takes over the note of its own
instance.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from airflow_provider_heap.exceptions import StateError, SyncRunningError
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.sync.state.store import Store
from airflow_provider_heap.sync.stop_signal import StopSignal

#: Seconds after which a holder that does not renew its note counts as dead.
EXPIRES_AFTER = 60.0
#: Seconds between two renewals.
RENEW_EVERY = 10.0


@dataclass(frozen=True)
class Holder:
    """
    Who runs a sync.

    :param run: the DAG run; all its tasks share a sync.
    :param instance: the task instance in it. A second one of the same name is a retry.
    """

    run: str
    instance: str = ""


class Lease:
    """
    Holds a sync for a run, from :meth:`acquire` to :meth:`release`; a thread of its own renews it meanwhile.

    That thread and the caller's share ``_renewed_at``, a single number, and ``_released``, an event.

    :param store: where the notes are.
    :param key: the sync and its target.
    :param holder: who runs it.
    :param stop: set when the hold is lost, because another run took it or because it could not be renewed.
    """

    def __init__(self, store: Store, key: StateKey, holder: Holder, stop: StopSignal) -> None:
        self._store = store
        self._key = key
        self._holder = holder
        self._stop = stop
        self._token = uuid4().hex
        #: When the note was renewed last, by the monotonic clock.
        self._renewed_at = 0.0
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="heap-lease", daemon=True)

    def acquire(self) -> None:
        """
        Take the sync.

        :raises SyncRunningError: when another run holds it.
        :raises StateError: when the database fails.
        """
        with self._locked_holders() as notes:
            others = {note["run"] for note in notes.values() if note["run"] != self._holder.run}
            if others:
                raise SyncRunningError(
                    f"Sync {self._key.sync!r} to {self._key.environment.label} is held by another run, "
                    f"{', '.join(sorted(others))}: two at a time would overtake each other. It is free when that run "
                    f"ends, or {EXPIRES_AFTER:.0f} s after it died. To keep runs apart, set "
                    "max_active_runs=1 for the DAG, or give one of two syncs another sync_name."
                )
            notes[self._holder.instance] = self._note()
        self._renewed_at = time.monotonic()
        self._thread.start()

    def release(self) -> None:
        """
        Let the next run have the sync.

        :raises StateError: when the note can't be removed; it expires then.
        """
        self._released.set()
        with self._locked_holders() as notes:
            if notes.get(self._holder.instance, {}).get("token") == self._token:
                del notes[self._holder.instance]

    def _note(self) -> dict[str, Any]:
        return {"run": self._holder.run, "token": self._token, "at": time.time()}

    @contextmanager
    def _locked_holders(self) -> Iterator[dict[str, dict[str, Any]]]:
        """Yield the notes of the live holders by instance, under a row lock; changes are saved on exit."""
        syncs = self._store.tables.syncs
        is_mine = syncs.c.sync_id == self._key.id
        with self._store.transaction("held") as connection:
            # Any write of the row locks it, on every database.
            connection.execute(sa.update(syncs).where(is_mine).values(turn=syncs.c.turn + 1))
            text = connection.execute(sa.select(syncs.c.holders).where(is_mine)).scalar()
            notes: dict[str, dict[str, Any]] = json.loads(text or "{}")
            live = {instance: note for instance, note in notes.items() if time.time() - note["at"] < EXPIRES_AFTER}
            yield live
            connection.execute(sa.update(syncs).where(is_mine).values(holders=json.dumps(live)))

    def _keep(self) -> None:
        """Renew the note until the hold is released or lost."""
        while not self._released.wait(RENEW_EVERY):
            try:
                if not self._renew():
                    return
            except StateError as error:
                # The next try may succeed; as long as the note is young nobody else takes the sync.
                if time.monotonic() - self._renewed_at > EXPIRES_AFTER:
                    self._stop.set(error)
                    return

    def _renew(self) -> bool:
        """Renew the note, and return whether the sync is still held."""
        with self._locked_holders() as notes:
            if self._released.is_set():
                return False
            others = {note["run"] for note in notes.values()} - {self._holder.run}
            note = notes.get(self._holder.instance)
            if others or (note and note["token"] != self._token):
                who = f"run {', '.join(sorted(others))}" if others else "a later try"
                self._stop.set(SyncRunningError(f"Sync {self._key.sync!r} was taken over by {who}."))
                return False
            notes[self._holder.instance] = self._note()
        self._renewed_at = time.monotonic()
        return True
