"""
Who holds a sync, in the database: one row for each holder.

A hold has a **turn**: a number that grows with each hold of the sync, under a lock of the sync's row. Whoever takes the
sync first deletes the rows of holders that were not renewed in time, and a retry replaces the row of its own instance.
So a run holds the sync if, and only if, its row with its own turn is there. :meth:`HolderRows.renew` looks that up and
locks the row, in the transaction that writes fingerprints: between the two nobody can take the sync.

Older releases keep all holders as JSON in the column ``holders`` of the sync's row. Those of them that are alive count
here too, and they find a note there, named ``*``, which keeps them away for as long as :data:`NOTE_EXPIRES`.
"""

from __future__ import annotations

import json
import time
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa

from airflow_provider_heap.sync.plan import Holder
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.sync.state.store import Store

#: Name of the note for older releases; no task instance can have it.
NOTE = "*"
#: Seconds for which the note keeps older releases away; a run renews it before.
NOTE_EXPIRES = 3600.0

#: Notes of older releases in the column ``holders``: run, token and time, by task instance.
Notes = dict[str, dict[str, Any]]


class HolderRows:
    """
    The rows of a sync's holders, one of which is ours. Safe to use from several threads after :meth:`acquire`: nothing
    changes then.

    :param store: the database.
    :param key: the sync and its target.
    :param holder: who runs it.
    """

    def __init__(self, store: Store, key: StateKey, holder: Holder) -> None:
        self._store = store
        self._key = key
        self._holder = holder
        # Databases may ignore case when they compare names.
        self._id = blake2b(holder.instance.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        self._run_hash = blake2b(holder.run.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        self._turn = -1

    def acquire(self, connection: sa.engine.Connection, expires_after: float) -> set[str]:
        """
        Write our row, unless other runs hold the sync.

        :param connection: to the database, in a transaction.
        :param expires_after: seconds after which a holder that was not renewed counts as dead.
        :return: the other runs; empty when we hold the sync now.
        """
        table, now = self._store.tables.holders, self._store.now()
        notes = self._lock_sync(connection, expires_after)
        self._delete_expired(connection, expires_after)
        runs = self._other_runs(connection)
        runs.update(
            note["run"] for instance, note in notes.items() if instance != NOTE and note["run"] != self._holder.run
        )
        if runs:
            return runs
        connection.execute(sa.delete(table).where(self._is_mine))
        row = {
            "sync_id": self._key.id,
            "holder_id": self._id,
            "run_hash": self._run_hash,
            "run": self._holder.run,
            "instance": self._holder.instance,
            "turn": self._turn,
            "renewals": 0,
            "renewed_at": now,
        }
        connection.execute(sa.insert(table).values(row))
        self._write_note(connection, notes)
        return runs

    def renew(self, connection: sa.engine.Connection) -> bool:
        """
        Renew our row, and lock it until the transaction ends.

        :param connection: to the database, in a transaction.
        :return: whether we still hold the sync.
        """
        table = self._store.tables.holders
        mine = sa.and_(self._is_mine, table.c.turn == self._turn)
        # The count makes each renewal a change: MySQL reports rows that it changed, not rows that it found.
        values = {"renewals": table.c.renewals + 1, "renewed_at": self._store.now()}
        count = connection.execute(sa.update(table).where(mine).values(values)).rowcount
        if count >= 0 and connection.dialect.supports_sane_rowcount:
            return count == 1
        return connection.execute(sa.select(table.c.turn).where(mine)).scalar() is not None

    def holds(self, connection: sa.engine.Connection) -> bool:
        """
        Return whether we hold the sync; somebody may take it in the next moment.

        :param connection: to the database.
        """
        query = sa.select(self._store.tables.holders.c.turn).where(self._is_mine)
        return bool(connection.execute(query).scalar() == self._turn)

    def is_shared(self, connection: sa.engine.Connection) -> bool:
        """
        Return whether another instance of a mapped task holds the sync too.

        :param connection: to the database.
        """
        table = self._store.tables.holders
        is_other = sa.and_(table.c.sync_id == self._key.id, table.c.holder_id != self._id)
        return connection.execute(sa.select(table.c.turn).where(is_other).limit(1)).first() is not None

    def taken_by(self, connection: sa.engine.Connection) -> str:
        """
        Return who has the sync when we lost it, for a message.

        :param connection: to the database, in a transaction.
        """
        runs = self._other_runs(connection)
        if runs:
            return f"was taken over by run {', '.join(sorted(runs))}"
        if connection.execute(sa.select(self._store.tables.holders.c.turn).where(self._is_mine)).first():
            return "was taken over by a later try"
        return "was given to another run meanwhile, or its hold was removed"

    def renew_note(self, connection: sa.engine.Connection, expires_after: float) -> None:
        """
        Renew the note for older releases, unless another holder did so lately.

        :param connection: to the database, in a transaction.
        :param expires_after: seconds after which an older release takes a note for that of a dead holder.
        """
        self._write_note(connection, self._lock_sync(connection, expires_after, new_turn=False))

    def release(self, connection: sa.engine.Connection, expires_after: float) -> None:
        """
        Delete our row.

        :param connection: to the database, in a transaction.
        :param expires_after: seconds after which a holder that was not renewed counts as dead.
        """
        table, syncs = self._store.tables.holders, self._store.tables.syncs
        notes = self._lock_sync(connection, expires_after, new_turn=False)
        connection.execute(sa.delete(table).where(self._is_mine, table.c.turn == self._turn))
        query = sa.select(table.c.turn).where(table.c.sync_id == self._key.id)
        if connection.execute(query.limit(1)).first() is None:
            notes = {instance: note for instance, note in notes.items() if note["token"] != NOTE}
        is_sync = syncs.c.sync_id == self._key.id
        connection.execute(sa.update(syncs).where(is_sync).values(holders=json.dumps(notes)))

    def _other_runs(self, connection: sa.engine.Connection) -> set[str]:
        """Return other runs that have a row; a few of them, for a message."""
        table = self._store.tables.holders
        is_other = sa.and_(table.c.sync_id == self._key.id, table.c.run_hash != self._run_hash)
        return {row.run for row in connection.execute(sa.select(table.c.run).where(is_other).limit(10))}

    @property
    def _is_mine(self) -> sa.ColumnElement[bool]:
        table = self._store.tables.holders
        return sa.and_(table.c.sync_id == self._key.id, table.c.holder_id == self._id)

    def _lock_sync(self, connection: sa.engine.Connection, expires_after: float, new_turn: bool = True) -> Notes:
        """Lock the sync's row, take the next turn, and return the notes of older releases that are alive."""
        syncs = self._store.tables.syncs
        is_sync = syncs.c.sync_id == self._key.id
        # Any write of the row locks it, on every database.
        connection.execute(sa.update(syncs).where(is_sync).values(turn=syncs.c.turn + 1))
        turn, text = connection.execute(sa.select(syncs.c.turn, syncs.c.holders).where(is_sync)).one()
        if new_turn:
            self._turn = turn
        notes: Notes = json.loads(text or "{}")
        return {instance: note for instance, note in notes.items() if time.time() - note["at"] < expires_after}

    def _delete_expired(self, connection: sa.engine.Connection, expires_after: float) -> None:
        """Delete the rows of dead holders. One that is just being renewed is waited for, and stays."""
        table = self._store.tables.holders
        is_expired = sa.and_(
            table.c.sync_id == self._key.id, table.c.renewed_at <= self._store.now() - int(expires_after * 1000)
        )
        # Looked up first, without locks: a deletion would lock all rows that it looks at, on MySQL.
        for row in connection.execute(sa.select(table.c.holder_id).where(is_expired)).all():
            connection.execute(sa.delete(table).where(is_expired, table.c.holder_id == row.holder_id))

    def _write_note(self, connection: sa.engine.Connection, notes: Notes) -> None:
        """Tell older releases that the sync is held, unless their note is young."""
        syncs, now = self._store.tables.syncs, time.time()
        instance = self._holder.instance
        note = {"run": self._holder.run, "token": NOTE, "at": now + NOTE_EXPIRES}
        # An older release that works for this very task instance sees another token, and stops.
        stale = [name for name in (NOTE, instance) if name == NOTE or name in notes]
        if all(name in notes and _is_young(notes[name], self._holder.run, now) for name in stale):
            return
        notes = {**notes, **dict.fromkeys(stale, note)}
        is_sync = syncs.c.sync_id == self._key.id
        connection.execute(sa.update(syncs).where(is_sync).values(holders=json.dumps(notes)))


def _is_young(note: dict[str, Any], run: str, now: float) -> bool:
    return bool(note["token"] == NOTE and note["run"] == run and note["at"] - now > 0.75 * NOTE_EXPIRES)
