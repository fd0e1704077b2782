"""
What a run is going to do, as values: frozen, without I/O and without Airflow.

An operator makes a plan from its parameters and connections; :class:`.SyncRun` executes it. For another run of the same
sync, such as a dry run or an adoption, derive a plan with :func:`dataclasses.replace`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import ceil
from typing import IO, Any, Protocol

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import MAX_ITEMS, HeapObject
from airflow_provider_heap.api.rate_limiter import RateLimiter
from airflow_provider_heap.api.retry import RetryPolicy
from airflow_provider_heap.exceptions import ModelError

#: Share of a minute's items that whole requests must make use of.
MIN_RATE_UTILISATION = 0.98


class RunMode(Enum):
    """What becomes of the items of a run; the value is the word for it in the log."""

    SEND = "sent"
    ADOPT = "recorded as sent"
    DRY_RUN = "to be sent"


class Log(Protocol):
    """What a logger must have; Airflow's own are not the standard library's."""

    def info(self, message: Any, /, *args: Any) -> Any:
        """Log what a person who watches the run should read."""

    def warning(self, message: Any, /, *args: Any) -> Any:
        """Log what that person should act upon."""


class StoragePath(Protocol):
    """A file or folder, local or in object storage: as much of Airflow's ``ObjectStoragePath`` as a run needs."""

    @property
    def parent(self) -> Any:
        """Its folder."""

    @property
    def protocol(self) -> str:
        """The scheme of its URL; empty for a local path."""

    @property
    def fs(self) -> Any:
        """The ``fsspec`` file system that it is on."""

    @property
    def path(self) -> str:
        """The path without the scheme."""

    def __truediv__(self, name: str) -> Any:
        """Return a path in this folder."""

    def mkdir(self, mode: int = ..., parents: bool = ..., exist_ok: bool = ...) -> None:
        """Create the folder."""

    def open(self, mode: str) -> IO[Any]:
        """Open the file."""

    def unlink(self) -> None:
        """Remove the file."""


@dataclass(frozen=True)
class CountOrShare:
    """
    A limit of rows.

    :param limit: an int is a count of rows; a float below 1 is a share of the rows read.
    """

    limit: int | float

    def exceeded(self, count: int, rows: int) -> bool:
        """
        Return whether a count is over the limit.

        A share is compared with a quotient: that is rounded as the share that somebody typed was rounded, which a
        product is not. So 29 of 100 rows are not more than 0.29.

        :param count: rows to which the limit applies.
        :param rows: rows read.
        """
        if isinstance(self.limit, float) and self.limit < 1:
            return count / max(rows, 1) > self.limit
        return count > self.limit


@dataclass(frozen=True)
class DeliverySettings:
    """
    How items are delivered.

    :param batch_size: items in one request, 1 to 1000.
    :param concurrency: requests in flight.
    :param rate_limit: items a minute; None for what Heap documents for the object, 0 for no limit at all.
    :param max_rejected: invalid and rejected rows that are tolerated: a count, or below 1 a share of the rows read.
    :param retry_policy: how often a request is tried, and the waits in between.
    :raises ModelError: when a number is out of its range.
    """

    batch_size: int = MAX_ITEMS
    concurrency: int = 4
    rate_limit: int | None = None
    max_rejected: int | float = 0
    retry_policy: RetryPolicy = field(default_factory=RetryPolicy)

    def __post_init__(self) -> None:
        if not 1 <= self.batch_size <= MAX_ITEMS:
            raise ModelError(f"batch_size must be 1 to {MAX_ITEMS}, the most that Heap takes; found {self.batch_size}.")
        if self.concurrency < 1:
            raise ModelError(f"concurrency must be at least 1; found {self.concurrency}.")
        if self.rate_limit is not None and self.rate_limit < 0:
            raise ModelError(f"rate_limit must be 0 (no limit) or more; found {self.rate_limit}.")
        if not 0 <= self.max_rejected < float("inf"):
            raise ModelError(f"max_rejected must be 0 or more; found {self.max_rejected}.")


@dataclass(frozen=True)
class GuardSettings:
    """
    What must hold for the rows of a model before the first of them is sent. None sets no guard.

    :param min_rows: the fewest rows that the model may have.
    :param max_rows: the most.
    :param max_changed: rows that may be new or changed: an int is a count, a float below 1 a share of the rows read.
    :param max_null: for each Heap property the share of the rows read that may have no value.
    :param unique_key: no sync key may come twice.
    :raises ModelError: when a guard is out of its range.
    """

    min_rows: int | None = None
    max_rows: int | None = None
    max_changed: int | float | None = None
    max_null: Mapping[str, float] = field(default_factory=dict)
    unique_key: bool = False

    def __post_init__(self) -> None:
        for name, value in (("min_rows", self.min_rows), ("max_rows", self.max_rows)):
            if value is not None and value < 0:
                raise ModelError(f"{name} must be 0 or more; found {value}.")
        if self.min_rows is not None and self.max_rows is not None and self.min_rows > self.max_rows:
            raise ModelError(
                f"min_rows={self.min_rows} is more than max_rows={self.max_rows}: no model can satisfy both."
            )
        for name, share in self.max_null.items():
            if not 0 <= share <= 1:
                raise ModelError(f"max_null takes a share from 0 to 1 for each property; found {share} for {name!r}.")

    def __bool__(self) -> bool:
        limits = (self.min_rows, self.max_rows, self.max_changed)
        return self.unique_key or bool(self.max_null) or any(limit is not None for limit in limits)


@dataclass(frozen=True)
class StateSettings:
    """
    How the state of a sync is used.

    :param conn_id: connection of the database that keeps it.
    :param table: name of the table of keys, may be ``schema.table``.
    :param full_sync: send every row, whatever the state says, and record it.
    :param retention: seconds after which recorded events are deleted; None keeps them.
    :param hold_timeout: seconds to wait for another run of the same sync before the run fails.
    """

    conn_id: str
    table: str
    full_sync: bool = False
    retention: float | None = None
    hold_timeout: float = 0.0


@dataclass(frozen=True)
class Holder:
    """
    Who runs a sync.

    :param run: the DAG run; all its tasks share a sync.
    :param instance: the task instance in it. A second one of the same name is a retry.
    """

    run: str
    instance: str = ""


@dataclass(frozen=True)
class SyncPlan:
    """
    Everything that one run needs to know.

    :param heap_object: what the rows become.
    :param environment: the Heap environment that is written to.
    :param name: the sync's name; it names the state too.
    :param source_label: how messages call what is read.
    :param mode: what becomes of the items.
    :param delivery: how they are delivered.
    :param guards: what must hold before the first of them is sent.
    :param state: how state is used; None sends every row in every run.
    :param holder: who holds the sync while it runs; needed with state.
    :param rejects_path: file for the rows that did not arrive; None keeps none.
    :param dry_run_path: folder for the requests of a dry run; None keeps none.
    :param warnings: what the log says about the plan before the run begins.
    :param advice: what a person can do about rows that did not arrive.
    :raises ModelError: when ``max_changed`` has nothing to compare with.
    """

    heap_object: HeapObject
    environment: Environment
    name: str
    source_label: str
    mode: RunMode = RunMode.SEND
    delivery: DeliverySettings = DeliverySettings()
    guards: GuardSettings = GuardSettings()
    state: StateSettings | None = None
    holder: Holder | None = None
    rejects_path: StoragePath | None = None
    dry_run_path: StoragePath | None = None
    warnings: tuple[str, ...] = ()
    advice: str = ""

    def __post_init__(self) -> None:
        if self.guards.max_changed is not None and self.state is None:
            raise ModelError(
                "max_changed compares rows with the state, and this sync keeps none, so it sends every row in every "
                "run: set state_conn_id."
            )

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
