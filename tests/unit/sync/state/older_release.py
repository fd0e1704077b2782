"""How the release before this one holds a sync: as JSON in the column ``holders`` of the sync's row."""

from __future__ import annotations

import json
import time

import sqlalchemy as sa

from airflow_provider_heap.exceptions import SyncRunningError


class OlderLease:
    """As much of that release's ``Lease`` as meets this one's in the database."""

    def __init__(self, store, key, run, instance="sync[0]"):
        self._store = store
        self._key = key
        self._run = run
        self._instance = instance
        self._token = f"token of {run}"

    def take(self, at=None):
        """Take the sync."""
        self._change(lambda notes: notes.update({self._instance: self._note(at)}))

    def renew(self):
        """Renew the note; return whether the sync is still held."""
        held = []

        def change(notes):
            note = notes.get(self._instance)
            if not note or note["token"] == self._token:
                held.append(True)
                notes[self._instance] = self._note(None)

        try:
            self._change(change)
        except SyncRunningError:
            return False
        return bool(held)

    def give_back(self):
        """Let the next run have the sync."""

        def change(notes):
            if notes.get(self._instance, {}).get("token") == self._token:
                del notes[self._instance]

        self._change(change, check=False)

    def _note(self, at):
        return {"run": self._run, "token": self._token, "at": time.time() if at is None else at}

    def _change(self, change, check=True):
        table = self._store.tables.syncs
        mine = table.c.sync_id == self._key.id
        with self._store.engine.begin() as connection:
            connection.execute(sa.update(table).where(mine).values(turn=table.c.turn + 1))
            notes = json.loads(connection.execute(sa.select(table.c.holders).where(mine)).scalar())
            alive = {name: note for name, note in notes.items() if time.time() - note["at"] < 60}
            if check and any(note["run"] != self._run for note in alive.values()):
                raise SyncRunningError("held by another run")
            change(alive)
            connection.execute(sa.update(table).where(mine).values(holders=json.dumps(alive)))
