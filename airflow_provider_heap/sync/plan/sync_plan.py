"""
What a run is going to do, as values: frozen, without I/O and without Airflow.

An operator makes a plan from its parameters and connections; :class:`.SyncRun` executes it. For another run of the same
sync, such as a dry run or an adoption, derive a plan with :func:`dataclasses.replace`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from math import ceil
from typing import Any

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import HeapObject
from airflow_provider_heap.api.rate_limiter import RateLimiter
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.mapping.summary import MappingSummary
from airflow_provider_heap.sync.plan.settings import (
    DeliverySettings,
    GuardSettings,
    Holder,
    StateSettings,
    StoragePath,
)

#: Share of a minute's items that whole requests must make use of.
MIN_RATE_UTILISATION = 0.98


class RunMode(Enum):
    """What becomes of the items of a run; the value is the word for it in the log."""

    SEND = "sent"
    ADOPT = "recorded as sent"
    DRY_RUN = "to be sent"


@dataclass(frozen=True)
class SyncPlan:
    """
    Everything that one run needs to know.

    :param heap_object: what the rows become.
    :param environment: the Heap environment that is written to.
    :param name: the sync's name; it names the state too.
    :param source_label: how messages call what is read.
    :param mapping: which column fills what, as far as it is known before the query ran; None when the items were made
        elsewhere.
    :param mode: what becomes of the items.
    :param delivery: how they are delivered.
    :param guards: what must hold before the first of them is sent.
    :param state: how state is used; None sends every row in every run.
    :param holder: who holds the sync while it runs; needed with state.
    :param rejects_path: file for the rows that did not arrive; None keeps none.
    :param dry_run_path: folder for the requests of a dry run; None keeps none.
    :param warnings: what the log says about the plan before the run begins.
    :param advice: what a person can do about rows that did not arrive.
    :raises ModelError: when ``max_changed`` has nothing to compare with, or ``batch_size`` is not what Heap takes.
    """

    heap_object: HeapObject
    environment: Environment
    name: str
    source_label: str
    mapping: MappingSummary | None = None
    mode: RunMode = RunMode.SEND
    delivery: DeliverySettings = field(default_factory=DeliverySettings)
    guards: GuardSettings = field(default_factory=GuardSettings)
    state: StateSettings | None = None
    holder: Holder | None = None
    rejects_path: StoragePath | None = None
    dry_run_path: StoragePath | None = None
    warnings: tuple[str, ...] = ()
    advice: str = ""

    def __post_init__(self) -> None:
        size, most = self.delivery.batch_size, self.heap_object.max_items
        if not 1 <= size <= most:
            raise ModelError(f"batch_size must be 1 to {most}, the most that Heap takes; found {size}.")
        if self.guards.max_changed is not None and self.state is None:
            raise ModelError(
                "max_changed compares rows with the state, and this sync keeps none, so it sends every row in every "
                "run: set state_conn_id."
            )

    def describe(self, mapping: MappingSummary | None = None, new_keys: int | None = None) -> dict[str, Any]:
        """
        Return what the run syncs, as the entry ``sync`` of its report; see :func:`.description.describe`.

        :param mapping: the mapping once the query ran; the plan's own when not given.
        :param new_keys: keys that the state did not know; None when that was not counted.
        """
        from airflow_provider_heap.sync.plan.description import describe

        return describe(self, mapping or self.mapping, new_keys)

    @property
    def compares_in_database(self) -> bool:
        """Whether the rows' own database compares them."""
        return self.state is not None and self.state.diff_schema is not None

    @property
    def senders(self) -> int:
        """How many threads deliver; the requests of a dry run are made in order."""
        return 1 if self.mode is RunMode.DRY_RUN else self.delivery.concurrency

    @property
    def holds_rows_back(self) -> bool:
        """
        Whether guards hold all rows back until the last of them is read.

        Those of a dry run speak at its end: nothing is sent before that either, and all is counted. Those of rows that
        are compared in their database speak before the first of them is read.
        """
        return bool(self.guards) and self.mode is not RunMode.DRY_RUN and not self.compares_in_database

    @property
    def sends(self) -> bool:
        """Whether the run sends anything to Heap."""
        return self.mode is RunMode.SEND

    @property
    def title(self) -> str:
        """The run in a few words: sync, object, behaviour and target."""
        kind = "Dry run of sync" if self.mode is RunMode.DRY_RUN else "Sync"
        return (
            f"{kind} {self.name}: {self.heap_object.name}s ({self.heap_object.behaviour}) to {self.environment.label}"
        )

    @property
    def rate_limit(self) -> int | None:
        """Items a minute that may be sent; None for no limit."""
        limit = self.delivery.rate_limit
        return self.heap_object.rate_limit if limit is None else limit or None

    @property
    def items_per_request(self) -> int:
        """``batch_size``, or less where requests of that size would leave much of a minute unused."""
        limit, size = self.rate_limit, self.delivery.batch_size
        if limit is None or (limit // size) * size >= MIN_RATE_UTILISATION * limit:
            return size
        return limit // ceil(limit / size)

    def rate_limiter(self) -> RateLimiter:
        """Return a new rate limiter for the run: one without a limit when nothing is sent."""
        if not self.sends or self.delivery.rate_limit == 0:
            return RateLimiter()
        return RateLimiter(self.rate_limit, self.heap_object.person_rate_limit)
