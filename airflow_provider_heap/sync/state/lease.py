"""
One run of a sync at a time: two that write the same keys would overtake each other.

A run holds its sync by a note in the sync's row, which it renews every ten seconds; a note of more than a minute ago is
a dead holder's. Mapped instances of one DAG run hold a sync together. A retry takes the note of its own instance over.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from airflow_provider_heap.exceptions import StateError, SyncRunningError
from airflow_provider_heap.sync.state.store import StateKey, Store

#: Seconds after which a holder that does not renew its note is taken for dead.
EXPIRES_AFTER = 60.0
#: Seconds between two renewals.
RENEW_EVERY = 10.0


@dataclass(frozen=True)
class Holder:
    """
    Who runs a sync.

    :param run: the DAG run; all tasks of one share a sync.
    :param instance: the task instance in it. A second one of the same name is a retry.
    """

    run: str
    instance: str = ""


class Lease:
    """
    Holds a sync for a run.

    :param store: where the notes are.
    :param scope: the sync and its target.
    :param holder: who runs it.
    :param lost: called from a thread of its own when somebody else took the sync over.
    """

    def __init__(self, store: Store, scope: StateKey, holder: Holder, lost: Callable[[BaseException], None]) -> None:
        self._store = store
        self._scope = scope
        self._holder = holder
        self._lost = lost
        self._token = uuid4().hex
        self._renewed = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="heap-lease", daemon=True)

    def take(self) -> None:
        """
        Take the sync.

        :raises SyncRunningError: when another run holds it.
        :raises StateError: when the notes can't be read or written.
        """
        with self._notes() as notes:
            others = {note["run"] for note in notes.values() if note["run"] != self._holder.run}
            if others:
                raise SyncRunningError(
                    f"Sync {self._scope.sync!r} to {self._scope.environment.label} is held by another run, "
                    f"{', '.join(sorted(others))}: two at a time would overtake each other. It is free when that run "
                    f"ends, or {EXPIRES_AFTER:.0f} s after it died. To keep runs apart, set "
                    "max_active_runs=1 for the DAG, or give one of two syncs another sync_name."
                )
            notes[self._holder.instance] = self._note()
        self._renewed = time.monotonic()
        self._thread.start()

    def give_back(self) -> None:
        """
        Let the next run have the sync.

        :raises StateError: when the note can't be struck out; it lapses then.
        """
        self._ended.set()
        with self._notes() as notes:
            if notes.get(self._holder.instance, {}).get("token") == self._token:
                del notes[self._holder.instance]

    def _note(self) -> dict[str, Any]:
        return {"run": self._holder.run, "token": self._token, "at": time.time()}

    @contextmanager
    def _notes(self) -> Iterator[dict[str, dict[str, Any]]]:
        """Give the notes of those alive, to be changed; nobody else reads or writes them meanwhile."""
        table, mine = self._store.tables.syncs, self._store.tables.syncs.c.sync_id == self._scope.id
        with self._store.told("held"), self._store.transaction() as connection:
            # Any write of the row locks it, on every database.
            connection.execute(sa.update(table).where(mine).values(turn=table.c.turn + 1))
            text = connection.execute(sa.select(table.c.holders).where(mine)).scalar()
            found: dict[str, dict[str, Any]] = json.loads(text or "{}")
            alive = {instance: note for instance, note in found.items() if time.time() - note["at"] < EXPIRES_AFTER}
            yield alive
            connection.execute(sa.update(table).where(mine).values(holders=json.dumps(alive)))

    def _renew(self) -> None:
        while not self._ended.wait(RENEW_EVERY):
            try:
                with self._notes() as notes:
                    if self._ended.is_set():
                        return
                    others = {note["run"] for note in notes.values()} - {self._holder.run}
                    found = notes.get(self._holder.instance)
                    if others or (found and found["token"] != self._token):
                        who = f"run {', '.join(sorted(others))}" if others else "a later try"
                        self._lost(SyncRunningError(f"Sync {self._scope.sync!r} was taken over by {who}."))
                        return
                    notes[self._holder.instance] = self._note()
                self._renewed = time.monotonic()
            except StateError as error:
                # The next turn may go better; as long as the note is young nobody else takes the sync.
                if time.monotonic() - self._renewed > EXPIRES_AFTER:
                    self._lost(error)
                    return
