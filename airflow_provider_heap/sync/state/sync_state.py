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
- *Deletions* of users are not struck out: nothing that is sent can undo them. A worker that is killed between Heap's
  answer and the record asks for the same users again, which does no harm. Nobody who is recorded is asked for again.
- *Events* are not struck out: Heap takes the first one with an idempotency key, so that nothing can change it. One that
  was deleted by age is sent again, and counted once by Heap.
- What the *hook's* methods send, or anybody else, is not known to the state, so a sync does not repair it.

A run that lost its hold (:mod:`.lease`) may have had requests on the wire. Their keys are struck out when it finds out,
so that the next run sends them again over whatever those requests did.
"""

from __future__ import annotations

import time

from airflow_provider_heap.sync.items import ItemBatch
from airflow_provider_heap.sync.plan import Holder, Log, StateSettings
from airflow_provider_heap.sync.state.changes import ChangeSelector
from airflow_provider_heap.sync.state.diff_notes import DiffNotes
from airflow_provider_heap.sync.state.held_state import CLOSE_GRACE, HeldState
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.sync.state.store import Store
from airflow_provider_heap.sync.stop_signal import StopSignal
from airflow_provider_heap.wording import counted


class SyncState(HeldState):
    """
    The state of one sync, for one run whose worker compares the rows.

    One thread calls :meth:`open`, :meth:`.HeldState.check_mapping` and :meth:`select_changed`; all threads that send
    call :meth:`.HeldState.assert_held`, :meth:`strike_out` and :meth:`record`.

    :param store: the database.
    :param key: the sync and its target.
    :param holder: who runs the sync.
    :param settings: how the state is used.
    :param read_only: record nothing and hold nothing, for a dry run.
    """

    def __init__(
        self, store: Store, key: StateKey, holder: Holder, settings: StateSettings, *, read_only: bool = False
    ) -> None:
        super().__init__(store, key, holder, settings, read_only=read_only)
        self._changes: ChangeSelector | None = None

    def open(self, stop: StopSignal, log: Log) -> None:
        """Hold the sync, and get ready to compare. Parameters: see :class:`.HeldState`."""
        super().open(stop, log)
        store = None if self._is_empty else self._store
        full_sync, read_only = self._settings.full_sync, self._read_only
        self._changes = ChangeSelector(store, self._key, full_sync=full_sync, read_only=read_only)

    def select_changed(self, items: ItemBatch) -> ItemBatch:
        """
        Return the items that are to be sent. To be called with all items of a run, in order.

        :param items: the next items of the query.
        :raises StateError: when the database fails.
        """
        return self._open_changes.select(items)

    def strike_out(self, items: ItemBatch) -> None:
        """
        Prepare the state for items that are about to be sent; before the first request that holds them.

        :param items: the items.
        :raises SyncRunningError: when the sync is not held any more; then they must not be sent.
        :raises StateError: when the database fails; then they must not be sent.
        """
        if self._recorder is not None:
            self._recorder.strike_out(items)

    def record(self, items: ItemBatch, request_id: str | None = None) -> None:
        """
        Record items that Heap took.

        :param items: the items of a request that was answered with a 2xx.
        :param request_id: Heap's ID of the request, when it is a deletion.
        :raises SyncRunningError: when the sync is not held any more.
        :raises StateError: when the database fails.
        """
        if self._recorder is None:
            raise RuntimeError("The state is not open, or read-only.")
        self._recorder.record(items, request_id)

    def reject(self, items: ItemBatch) -> None:
        """
        Do nothing: the fingerprints of items that Heap refused were struck out before.

        :param items: the items.
        """

    def finish(self) -> None:
        """Do nothing: what Heap took is recorded batch by batch."""

    @property
    def new(self) -> int | None:
        """Number of items whose key was not recorded; None when that was not looked up."""
        return self._changes.new if self._changes is not None else None

    def duplicate_keys(self) -> int:
        """Return how many keys came more than once in this run."""
        return self._open_changes.duplicate_keys()

    def close(self, done: bool, grace: float = CLOSE_GRACE) -> None:
        """Release the sync. Parameters: see :class:`.HeldState`."""
        try:
            super().close(done, grace)
        finally:
            if self._changes is not None:
                self._changes.close()

    @property
    def _open_changes(self) -> ChangeSelector:
        if self._changes is None:
            raise RuntimeError("The state is not open.")
        return self._changes

    def _begin(self) -> None:
        """Note that from here on rows may be sent in this way, and forget old events."""
        DiffNotes(self._store, self._key).end_comparing()
        if self._settings.retention is not None:
            self._store.delete(self._key.id, before=int(time.time() - self._settings.retention))

    def _recorded_keys(self) -> str:
        """Return how many keys are recorded, for a message."""
        return counted(self._store.size(self._key.id), "key")
