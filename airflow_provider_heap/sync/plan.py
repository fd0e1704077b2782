"""
What a run is going to do, as values: frozen, without I/O and without Airflow.

An operator makes a plan from its parameters and connections; :class:`.SyncRun` executes it. For another run of the same
sync, such as a dry run or an adoption, derive a plan with :func:`dataclasses.replace`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import ceil

from airflow_provider_heap.api.objects import MAX_ITEMS, HeapObject
from airflow_provider_heap.api.rate_limiter import RateLimiter
from airflow_provider_heap.exceptions import ModelError

#: Share of a minute's items that whole requests must make use of.
MIN_RATE_UTILISATION = 0.98


class RunMode(Enum):
    """What becomes of the items of a run; the value is the word for it in the log."""

    SEND = "sent"
    ADOPT = "recorded as sent"
    DRY_RUN = "to be sent"


@dataclass(frozen=True)
class DeliverySettings:
    """
    How items are delivered.

    :param batch_size: items in one request, 1 to 1000.
    :param concurrency: requests in flight.
    :param rate_limit: items a minute; None for what Heap documents for the object, 0 for no limit at all.
    :param max_rejected: invalid and rejected rows that are tolerated: a count, or below 1 a share of the rows read.
    :raises ModelError: when a number is out of its range.
    """

    batch_size: int = MAX_ITEMS
    concurrency: int = 4
    rate_limit: int | None = None
    max_rejected: int | float = 0

    def __post_init__(self) -> None:
        if not 1 <= self.batch_size <= MAX_ITEMS:
            raise ModelError(f"batch_size must be 1 to {MAX_ITEMS}, the most that Heap takes; found {self.batch_size}.")
        if self.concurrency < 1:
            raise ModelError(f"concurrency must be at least 1; found {self.concurrency}.")
        if self.rate_limit is not None and self.rate_limit < 0:
            raise ModelError(f"rate_limit must be 0 (no limit) or more; found {self.rate_limit}.")
        if not 0 <= self.max_rejected < float("inf"):
            raise ModelError(f"max_rejected must be 0 or more; found {self.max_rejected}.")

    def rate_limiter(self, heap_object: HeapObject) -> RateLimiter:
        """
        Return a rate limiter for an object.

        :param heap_object: the object.
        """
        if self.rate_limit == 0:
            return RateLimiter()
        return RateLimiter(self.rate_limit or heap_object.rate_limit, heap_object.person_rate_limit)

    def items_per_request(self, heap_object: HeapObject) -> int:
        """
        Return how many items a request holds: ``batch_size``, or less when requests of that size leave much of a minute
        unused.

        :param heap_object: the object.
        """
        limit, size = self.rate_limiter(heap_object).limit, self.batch_size
        if limit is None or (limit // size) * size >= MIN_RATE_UTILISATION * limit:
            return size
        return limit // ceil(limit / size)


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
