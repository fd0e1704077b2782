"""Find the items that are new or different."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_heap.sync.items import ItemBatch
from airflow_provider_heap.sync.state.dialects import STRUCK_OUT
from airflow_provider_heap.sync.state.seen_keys import SeenKeys
from airflow_provider_heap.sync.state.state_key import StateKey, fingerprints
from airflow_provider_heap.sync.state.store import Store


class ChangeSelector:
    """
    Compare the items of a run with what is recorded. For one thread at a time.

    :param store: the database; None when nothing is recorded yet.
    :param key: the sync and its target.
    :param full_sync: select every item.
    :param read_only: the items are not sent, so that it does not matter which of them are recorded.
    """

    def __init__(self, store: Store | None, key: StateKey, *, full_sync: bool = False, read_only: bool = False) -> None:
        self._store = store
        self._key = key
        self._write_once = key.heap_object.write_once
        self._once_in_a_run = key.heap_object.deletes
        self._full_sync = full_sync
        self._looks_up = store is not None and not (full_sync and (read_only or self._write_once))
        #: Number of items whose key was not recorded; None when that was not looked up.
        self.new: int | None = 0 if store is None else None
        self._seen_keys = SeenKeys()

    def select(self, items: ItemBatch) -> ItemBatch:
        """
        Return the items that are to be sent, and mark those whose recorded fingerprint must be struck out before.

        To be called with all items of a run, in order. An item whose key is already on its way is sent too, whatever
        the state says: what it says is about to change. A user's deletion is asked for once, though.

        :param items: the next items of the query.
        :raises StateError: when the database fails.
        """
        key_hashes = self._key.key_hashes(items.keys)
        numbers = self._seen_keys.add(key_hashes)
        if self._store is None:
            self.new = (self.new or 0) + len(key_hashes)
        if self._store is None or not self._looks_up:
            return self._drop_claimed(items, numbers) if self._once_in_a_run else items
        known = self._store.fingerprints_of(key_hashes)
        if not self._full_sync:
            self.new = (self.new or 0) + len(key_hashes) - sum(map(known.__contains__, key_hashes))
        if self._write_once:
            changed = [key_hash not in known for key_hash in key_hashes]
        else:
            current = fingerprints(items.bodies)
            changed = [
                known.get(key_hash) != fingerprint for key_hash, fingerprint in zip(key_hashes, current, strict=True)
            ]
        wanted, came_before = self._seen_keys.claim(numbers, [True] * len(changed) if self._full_sync else changed)
        if self._once_in_a_run:
            wanted = [is_new and not is_behind for is_new, is_behind in zip(changed, came_before, strict=True)]
        if not any(wanted):
            return items[:0]
        recorded = [
            is_behind or (is_changed and known.get(key_hash, STRUCK_OUT) != STRUCK_OUT)
            for key_hash, is_changed, is_behind in zip(key_hashes, changed, came_before, strict=True)
        ]
        marked = ItemBatch(items.numbers, items.keys, items.person_keys, items.bodies, recorded)
        return marked if all(wanted) else marked.select(wanted)

    def _drop_claimed(self, items: ItemBatch, numbers: Sequence[int]) -> ItemBatch:
        """Return the items whose key comes for the first time."""
        _, came_before = self._seen_keys.claim(numbers, [True] * len(numbers))
        return items.select([not before for before in came_before])

    def duplicate_keys(self) -> int:
        """Return how many keys came more than once in this run."""
        return self._seen_keys.duplicates()

    def close(self) -> None:
        """Release the disk space."""
        self._seen_keys.close()
