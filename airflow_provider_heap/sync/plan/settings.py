"""Values that a plan is made of: how items are delivered, which guards hold, where state is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

from airflow_provider_heap.api.objects import MAX_ITEMS
from airflow_provider_heap.api.retry import RetryPolicy
from airflow_provider_heap.exceptions import ModelError


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

    :param batch_size: items in one request, from 1 to what Heap takes.
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
    :param diff_schema: schema of the rows' own database, which compares them; None has the worker compare them.
    :param diff_hash: makes the MD5 of ``{text}`` in a database that is not known.
    """

    conn_id: str
    table: str
    full_sync: bool = False
    retention: float | None = None
    hold_timeout: float = 0.0
    diff_schema: str | None = None
    diff_hash: str | None = None


@dataclass(frozen=True)
class Holder:
    """
    Who runs a sync.

    :param run: the DAG run; all its tasks share a sync.
    :param instance: the task instance in it. A second one of the same name is a retry.
    """

    run: str
    instance: str = ""
