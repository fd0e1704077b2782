"""
The state of a sync whose rows are compared in their own database.

The rule is that of :mod:`.sync_state`: what is recorded is what Heap holds. Before the first row is sent the keys of
*all* changes are struck out, in one statement. They are recorded part by part, from the table that they were read from,
once each row of the part has its outcome. A row that Heap does not have is left out, and comes again in the next run.

The hold and the row of the sync are where ``state_conn_id`` says. A run that lost its hold may still have a statement
under way, which no transaction of another database can stop. It can only strike out, which sends rows again, or record:
then a key is there twice, with two hashes, and counts as changed until both are struck out.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence

from airflow_provider_heap.exceptions import HeapError, SyncRunningError
from airflow_provider_heap.sync.items import ItemBatch, MappedChunk
from airflow_provider_heap.sync.plan import Holder, StateSettings
from airflow_provider_heap.sync.state import parts
from airflow_provider_heap.sync.state.comparison import Comparison, Counts
from airflow_provider_heap.sync.state.diff_notes import DiffNotes
from airflow_provider_heap.sync.state.held_state import HeldState
from airflow_provider_heap.sync.state.parts import KeyRange, Parts
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.sync.state.store import Store

#: Batches, the last ones, whose keys are struck out when the hold is lost: more than there are requests in flight.
MAX_UNSETTLED = 64


class DiffState(HeldState):
    """
    The state of one sync, for one run that compares rows where they are.

    One thread calls :meth:`compare` and :meth:`read`; threads that send call :meth:`strike_out`, :meth:`record` and
    :meth:`reject`. :class:`.Parts` has a lock; ``_unsettled`` is a deque, to which threads may append without one.

    :param store: the database of the hold and of the sync's row.
    :param key: the sync and its target.
    :param holder: who runs the sync.
    :param settings: how the state is used.
    :param read_only: change nothing and hold nothing, for a dry run.
    """

    def __init__(
        self, store: Store, key: StateKey, holder: Holder, settings: StateSettings, *, read_only: bool = False
    ) -> None:
        super().__init__(store, key, holder, settings, read_only=read_only)
        self._notes = DiffNotes(store, key)
        self._parts = Parts()
        self._comparison: Comparison | None = None
        self._counts = Counts(0, 0)
        self._compare = False
        self._has_changes = False
        self._unsettled: deque[Sequence[int]] = deque(maxlen=MAX_UNSETTLED)

    def compare(self, comparison: Comparison, signature: str | None) -> Counts:
        """
        Find the changes, in the database, and count; nothing is read, and nothing is forgotten yet.

        :param comparison: the tables of this run.
        :param signature: of the mapping.
        :raises ModelError: when the database can't compare rows.
        :raises StateError: when a database fails.
        """
        self._comparison = comparison
        if signature is not None:
            self.check_mapping(signature)
        is_true = not self._is_empty and self._notes.is_true(comparison.sent_table)
        if self._read_only:
            self._compare = is_true and not self._settings.full_sync
            self._counts = comparison.count()
            return self._counts
        if not comparison.shares and self._recorder is not None and self._recorder.is_shared():
            raise _shared(self._key.sync)
        for table in self._notes.left_over(self._holder):
            self._drop(comparison, table)
        any_sent = comparison.prepare(clear=not is_true)
        if not is_true:
            # From here on the worker's own fingerprints are not what Heap holds.
            self._store.delete(self._key.id)
            self._notes.add(comparison.sent_table)
        if self._settings.retention is not None:
            comparison.forget_before(int(time.time() - self._settings.retention))
        self.compares = self.compares and any_sent
        self._notes.add(comparison.changes_table, self._holder)
        self._has_changes = True
        self._compare = any_sent and not self._settings.full_sync
        self._counts = comparison.make_changes(compare=self._compare)
        return self._counts

    def read(self) -> Iterator[MappedChunk]:
        """
        Strike out the changes, then yield them, and record each part when all its rows have their outcome.

        :raises SyncRunningError: when the sync is not held any more.
        :raises StateError: when a database fails.
        """
        comparison = self._opened
        if self._read_only:
            with comparison.read_without_table(compare=self._compare) as chunks:
                yield from chunks
            return
        changes = self._counts.changes or 0
        if not changes:
            return
        self.assert_held()
        comparison.strike_out()
        for keys in parts.key_ranges(changes):
            self._wait_for_parts(parts.OPEN_PARTS - 1)
            yield from self._read_part(comparison, keys)

    def adopt(self) -> int:
        """
        Record all changes as what Heap has, without reading them, and return how many those are.

        :raises StateError: when a database fails.
        """
        comparison = self._opened
        if self._counts.changes:
            comparison.strike_out()
            comparison.record(KeyRange(), (), int(time.time()))
        return (self._counts.changes or 0) - self._counts.without_key

    def finish(self) -> None:
        """
        Record the parts that are still open; when each row has its outcome.

        :raises SyncRunningError: when the sync is not held any more.
        :raises StateError: when a database fails.
        """
        if not self._read_only:
            self._wait_for_parts(0)

    def check_mapping(self, signature: str) -> None:
        """Compare the mapping's signature with the last run's, once. Parameters: see :class:`.SyncState`."""
        if self._signature is None:
            super().check_mapping(signature)

    def select_changed(self, items: ItemBatch) -> ItemBatch:
        """Return all items: the database has selected them. Parameters: see :class:`.SyncState`."""
        return items

    def strike_out(self, items: ItemBatch) -> None:
        """Remember items that are about to be sent: their keys are struck out already. See :class:`.SyncState`."""
        self._unsettled.append(items.numbers)

    def record(self, items: ItemBatch, request_id: str | None = None) -> None:
        """Settle items that Heap took; they are recorded with their part. Parameters: see :class:`.SyncState`."""
        self._parts.settle(items.numbers, taken=True)
        self._stop.notify()

    def reject(self, items: ItemBatch) -> None:
        """Settle items that Heap refused; they are not recorded. Parameters: see :meth:`record`."""
        self._parts.settle(items.numbers, taken=False)
        self._stop.notify()

    def duplicate_keys(self) -> int:
        """Return how many keys come more than once."""
        return self._counts.duplicates

    @property
    def new(self) -> int | None:
        """Number of items whose key was not recorded; None, because the database does not say it."""
        return None

    @property
    def _opened(self) -> Comparison:
        if self._comparison is None:
            raise RuntimeError("The rows are not compared yet.")
        return self._comparison

    def _read_part(self, comparison: Comparison, keys: KeyRange) -> Iterator[MappedChunk]:
        part = self._parts.open(keys)
        with comparison.read(keys, part.first) as rows:
            for chunk, key_hashes in rows:
                self._parts.add(part, chunk, key_hashes)
                yield chunk
        self._parts.end(part)
        # The last rows must not wait in a batch for those of the next part: nobody would record this one.
        yield MappedChunk(ItemBatch(), ends_part=True)

    def _wait_for_parts(self, left: int) -> None:
        """Record parts that are settled, and wait until no more than some are open."""
        while True:
            while (part := self._parts.settled()) is not None:
                self.assert_held()
                refused = list(filter(None, map(part.key_hash, part.refused)))
                self._opened.record(part.keys, refused, int(time.time()))
                self._parts.close(part)
            if len(self._parts) <= left:
                return
            self._stop.wait_for(lambda: self._parts.settled() is not None)

    def _begin(self) -> None:
        """Create the table of notes, once the sync is held."""
        self._notes.create_table()

    def _lost_hold(self) -> bool:
        """Return whether another run took the sync."""
        try:
            self.assert_held()
        except SyncRunningError:
            return True
        return False

    def _after_end(self, lost: bool) -> None:
        """Strike out what may be on the wire when the sync was lost, and drop the changes."""
        comparison = self._comparison
        if comparison is None or not self._has_changes:
            return
        try:
            if lost:
                numbers = [number for batch in list(self._unsettled) for number in batch]
                comparison.forget(sorted(set(filter(None, self._parts.key_hashes(numbers)))))
        except HeapError as error:
            if self._log is not None:
                self._log.warning("%s", error)
        self._drop(comparison, comparison.changes_table)

    def _drop(self, comparison: Comparison, table: str) -> None:
        """Drop a table of changes; one that a worker holds that stands still is left to the next run."""
        try:
            comparison.drop(table)
            self._notes.remove(table)
        except HeapError as error:
            if self._log is not None:
                self._log.warning("%s The next run drops table %s", error, table)


def _shared(sync: str) -> SyncRunningError:
    return SyncRunningError(
        "Instances of a mapped task can't record in one table what Heap took, where rows can't be deleted; another one "
        f"holds sync {sync!r}. Give each a state of its own, such as sync_name='{sync}-{{{{ ti.map_index }}}}', or let "
        "one run at a time (max_active_tis_per_dagrun=1)."
    )
