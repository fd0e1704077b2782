"""What Heap holds already: only what is new or different is sent, and what was sent is recorded once Heap has it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from typing import Any, Protocol

from airflow_provider_heap.exceptions import StateError
from airflow_provider_heap.sync.items import ItemBatch
from airflow_provider_heap.sync.seen_keys import SeenKeys
from airflow_provider_heap.sync.state.lease import Holder, Lease
from airflow_provider_heap.sync.state.store import StateKey, Store, fingerprints


class Warn(Protocol):
    """Tells a person what will surprise them."""

    def __call__(self, message: Any, /, *args: Any) -> Any:
        """Tell it."""


class SyncState:
    """
    The state of one sync, for one run.

    :param store: where it is kept.
    :param scope: whose it is.
    :param holder: who runs the sync.
    :param all_rows: take every row for a new one.
    :param retention: seconds after which recorded events are forgotten; None keeps them.
    :param read_only: record nothing, and hold nothing: for a dry run.
    """

    def __init__(
        self,
        store: Store,
        scope: StateKey,
        holder: Holder,
        *,
        all_rows: bool = False,
        retention: float | None = None,
        read_only: bool = False,
    ) -> None:
        self.store = store
        self.scope = scope
        self._holder = holder
        self._all_rows = all_rows
        self._retention = retention
        self._read_only = read_only
        #: A run came to its end before, so that what is recorded can be compared with.
        self.compares = False
        #: Items whose key was not recorded; None when nobody looked.
        self.new: int | None = None
        self._once = scope.heap_object.write_once
        self._mapping: str | None = None
        self._lease: Lease | None = None
        self._begun = False
        self._keys = SeenKeys()

    def begin(self, warn: Warn, lost: Callable[[BaseException], None]) -> None:
        """
        Get ready: make the tables if there are none, and hold the sync.

        :param warn: tells what a person should know before anything is sent.
        :param lost: called when another run took the sync over meanwhile.
        :raises SyncRunningError: when another run holds it.
        :raises StateError: when the database fails.
        """
        if self._read_only and not self.store.exists():
            self._all_rows, self.new = True, 0
            return
        self.store.make()
        others = self.store.targets(self.scope.sync)
        if others and self.scope.id not in {row["sync_id"] for row in others} and not self._all_rows:
            targets = {f"{row['base_url']} (App ID {row['app_id']}, {row['object']}s)" for row in others}
            warn(
                "The state of sync %s is empty for this target, so every row counts as new; there is state for %s",
                self.scope.sync,
                ", ".join(sorted(targets)),
            )
        if self._read_only:
            return
        self.store.enroll(self.scope)
        if not self._once:  # Heap itself sees to it that an event counts once
            lease = Lease(self.store, self.scope, self._holder, lost)
            lease.take()
            self._lease = lease
        self._begun = True
        if self._retention is not None:
            self.store.forget(self.scope.id, before=int(time.time() - self._retention))

    def meet(self, mapping: str, warn: Warn) -> None:
        """
        See which mapping makes the items, before the first of them.

        :param mapping: its signature.
        :param warn: tells that it is not the one of the last run.
        :raises StateError: when the database fails.
        """
        self._mapping = mapping
        if self._all_rows:
            return
        before = (self.store.about(self.scope) or {}).get("mapping")
        self.compares = before is not None
        if before in (None, mapping) or self._once:
            return
        release = before.partition(":")[0] != mapping.partition(":")[0]
        warn(
            "%s; of the %s keys recorded for sync %s those whose item is another one now are sent again, perhaps all",
            "This release encodes values differently from the one that ran last"
            if release
            else "The mapping has changed since the last run, or holds a constant that changes with each run",
            f"{self.store.size(self.scope.id):,}",
            self.scope.sync,
        )

    def changed(self, items: ItemBatch) -> ItemBatch:
        """
        Return those items that Heap does not hold yet. To be called with all items of a run, in order.

        A key that is on its way already is sent again, whatever the state says: what it says is about to change.

        :param items: the next items of the query.
        :raises StateError: when the state can't be read.
        """
        digests = self.scope.digests(items.keys)
        numbers = self._keys.note(digests)
        if self._all_rows:
            if self.new is not None:
                self.new += len(digests)
            return items
        known = self.store.known(digests)
        self.new = (self.new or 0) + len(digests) - sum(map(known.__contains__, digests))
        if self._once:
            fresh = [key not in known for key in digests]
        else:
            prints = fingerprints(items.bodies)
            fresh = [known.get(key) != found for key, found in zip(digests, prints, strict=True)]
        self._keys.mark_sent(numbers, fresh)
        return items if all(fresh) else items.select(fresh)

    def record(self, items: ItemBatch) -> None:
        """
        Write down what Heap has taken.

        :param items: the items of a request that was answered with a 2xx.
        :raises StateError: when they can't be written.
        """
        # Of two items with one key the last one counts, as it does at Heap.
        prints = dict(zip(self.scope.digests(items.keys), fingerprints(items.bodies), strict=True))
        self.store.record(self.scope.id, prints, int(time.time()))

    def duplicate_keys(self) -> int:
        """Return how many keys came more than once in this run."""
        return self._keys.duplicates()

    def end(self, done: bool, warn: Warn) -> None:
        """
        Let go of the sync.

        :param done: the run came to its end.
        :param warn: tells what could not be written, so as not to hide why a run failed.
        """
        with closing(self._keys):
            if not self._begun:
                return
            values: dict[str, Any] = {"last_run": self._holder.run, "last_run_at": int(time.time())}
            if done and self._mapping is not None:
                values["mapping"] = self._mapping
            try:
                if self._lease is not None:
                    self._lease.give_back()
                self.store.note(self.scope, **values)
            except StateError as error:
                warn("%s", error)
