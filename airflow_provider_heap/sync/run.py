"""A run: rows in, one after the other through mapping and delivery, a report out."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import Enum
from math import ceil
from typing import Any, Protocol

from airflow_provider_heap.api.client import HeapClient
from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import MAX_BYTES, MAX_ITEMS, HeapObject
from airflow_provider_heap.api.rate_limiter import RateLimiter
from airflow_provider_heap.exceptions import HeapError, ModelError, SyncStoppedError, TooManyRejectedError
from airflow_provider_heap.sync.delivery.batcher import Batcher
from airflow_provider_heap.sync.delivery.dispatcher import Dispatcher
from airflow_provider_heap.sync.delivery.dry_run import DryRunSender
from airflow_provider_heap.sync.delivery.ledger import CountOrShare, OutcomeLedger
from airflow_provider_heap.sync.delivery.sender import BatchSender
from airflow_provider_heap.sync.guards import Guards
from airflow_provider_heap.sync.items import InvalidRow, ItemBatch
from airflow_provider_heap.sync.mapping.mapper import Mapper
from airflow_provider_heap.sync.rejects.writer import RejectsWriter
from airflow_provider_heap.sync.report import PROGRESS_EVERY, Report
from airflow_provider_heap.sync.state.sync_state import SyncState
from airflow_provider_heap.sync.stop_signal import StopSignal

#: Seconds that requests in flight get when the run ends early. Airflow follows SIGTERM with SIGKILL after five.
SHUTDOWN_GRACE = 3.0
#: Rows that are mapped at a time: their values stay in the processor's cache, which halves the cost of a row.
MAPPED_ROWS = 1000
#: New objects that set the garbage collector off while rows are read: more than there are rows in memory.
GC_THRESHOLD = 50_000
#: Invalid rows that the log names; the others stand in the rejects file.
MAX_LOGGED_ROWS = 5

#: What a run reads: chunks of rows, each with the mapping that knows its columns.
Chunks = Generator[tuple[Mapper, Sequence[Any]], None, None]


#: Share of a minute's items that whole requests must make use of.
MIN_RATE_UTILISATION = 0.98


class Log(Protocol):
    """What a logger must do here; Airflow's own are not the standard library's."""

    def info(self, message: Any, /, *args: Any) -> Any:
        """Tell what a person who watches the run should read."""

    def warning(self, message: Any, /, *args: Any) -> Any:
        """Tell what that person should act upon."""


class RunMode(Enum):
    """What becomes of the items of a run."""

    SEND = "sent"
    RECORD = "recorded as sent"
    DRY_RUN = "to be sent"


@dataclass(frozen=True)
class DeliverySettings:
    """
    How a run goes about it.

    :param batch_size: items in one request, 1 to 1000.
    :param concurrency: requests in flight.
    :param rate_limit: items a minute; None for what Heap documents for the object, 0 for no limit at all.
    :param max_rejected: invalid and rejected rows that are forgiven: a count, or below 1 a share of the rows read.
    :raises ModelError: when a number can't be right.
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

    def pace(self, heap_object: HeapObject) -> RateLimiter:
        """
        Return the pace that an object goes at.

        :param heap_object: the object.
        """
        if self.rate_limit == 0:
            return RateLimiter()
        return RateLimiter(self.rate_limit or heap_object.rate_limit, heap_object.person_rate_limit)

    def items_a_request(self, pace: RateLimiter) -> int:
        """
        Return how many items a request holds: ``batch_size``, or less when requests of that size leave much of a minute
        unused.

        :param pace: how fast items may go.
        """
        limit, size = pace.limit, self.batch_size
        if limit is None or (limit // size) * size >= MIN_RATE_UTILISATION * limit:
            return size
        return limit // ceil(limit / size)


@contextmanager
def _rows_no_garbage() -> Iterator[None]:
    """
    Keep the garbage collector from looking for rows.

    It sets off when there are 700 more objects than at its last turn, and a chunk of rows is more than that. Rows go
    away by themselves, but at times it would look through all that Airflow has loaded: a tenth of a second each time.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(max(thresholds[0], GC_THRESHOLD), *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


class SyncRun:
    """
    One run of one model to one Heap object.

    :param heap_object: what the rows become.
    :param client: the way to Heap.
    :param settings: how to go about it.
    :param name: what the log calls the sync.
    :param source: what the log calls the place that the rows come from.
    :param rejects: takes the rows that did not arrive.
    :param state: knows what Heap holds already; None sends every row.
    :param log: where to tell what happens.
    :param aim: what becomes of the items.
    :param guards: what must hold before the first item goes.
    :param keep: called in a dry run with the number of each request and its body.
    :raises ModelError: when a guard has nothing to compare with.
    """

    def __init__(
        self,
        heap_object: HeapObject,
        client: HeapClient,
        settings: DeliverySettings,
        *,
        name: str,
        source: str,
        rejects: RejectsWriter | None = None,
        state: SyncState | None = None,
        log: Log | None = None,
        aim: RunMode = RunMode.SEND,
        guards: Guards | None = None,
        keep: Callable[[int, bytes], None] | None = None,
    ) -> None:
        self.report = Report()
        self._aim = aim
        self._guards = guards or Guards()
        if self._guards.max_changed is not None and state is None:
            raise ModelError(
                "max_changed compares rows with the state, and this sync keeps none, so it sends every row in every "
                "run: set state_conn_id."
            )
        self._client = client
        self._object = heap_object
        self._name = name
        self._source = source
        self._rejects = rejects or RejectsWriter()
        #: What Heap holds already; None when nobody keeps it.
        self.state = state
        self._log: Log = log or logging.getLogger(__name__)
        self._settings = settings
        pace = settings.pace(heap_object)
        #: Items a minute; None for as many as Heap takes.
        self.limit = pace.limit
        self._pace = pace if aim is RunMode.SEND else RateLimiter()
        self._outcomes = OutcomeLedger(
            self.report, self._rejects, CountOrShare(settings.max_rejected), state.record if state else None
        )
        deliver = self._outcomes.accept if aim is RunMode.RECORD else self._deliver
        self._delivery = Dispatcher(
            DryRunSender(client, heap_object, self.report, keep).deliver if aim is RunMode.DRY_RUN else deliver,
            self._pace,
            1 if aim is RunMode.DRY_RUN else settings.concurrency,
            self._tell_progress,
            lambda text: self._log.info("%s", text),
            # A dry run's guards are told of at its end: nothing is sent before that either, and all is counted.
            held=bool(self._guards) and aim is not RunMode.DRY_RUN,
        )
        self._courier = BatchSender(client, heap_object, self._pace, self._outcomes, self._delivery.pending)
        self._batcher = Batcher(settings.items_a_request(pace), MAX_BYTES - len(client.body(heap_object, [])))
        self._next_progress = time.monotonic() + PROGRESS_EVERY
        self._named = 0
        self._mapping: Mapper | None = None
        self._to_send = 0

    def run(self, chunks: Chunks) -> Report:
        """
        Read the model and bring its rows to Heap.

        :param chunks: the rows; closed as soon as the last one is read.
        :return: the counters.
        :raises HeapError: one of its classes, with the counters as ``report``; and whatever reading raises.
        """
        first = (
            "Dry run: sync %s reads %s, and sends no %ss to Heap"
            if self._aim is RunMode.DRY_RUN
            else "Sync %s reads %s and writes %ss to Heap"
        )
        self._log.info(first, self._name, self._source, self._object.name)
        self._log.info("Heap is %s", self.environment.label)
        done = False
        try:
            if self.state:
                stop = StopSignal()
                stop.on_set(lambda: self._stop_with(stop))
                self.state.open(stop, self._log)
            with closing(chunks), _rows_no_garbage():
                for mapping, rows in chunks:
                    self._take(mapping, rows)
            for batch in self._batcher.flush():
                self._delivery.put(batch)
            self._tell_duplicates()
            if self._aim is not RunMode.DRY_RUN:
                self._check_guards()
                self._delivery.release()
            limit = self._pace.limit
            if self._delivery.on_disk:
                self._log.info(
                    "The last of %s rows is read, after %.1f s, and the model is closed; %s rows wait on disk%s",
                    f"{self._outcomes.rows_read:,}",
                    self.report.seconds,
                    f"{self._delivery.on_disk:,}",
                    f" and take {self._delivery.on_disk / limit:,.0f} min at Heap's pace" if limit else "",
                )
            self._delivery.finish()
            if self._aim is RunMode.DRY_RUN:
                self._check_guards()
            done = True
            if self._outcomes.too_many():
                raise self._too_many()
        except BaseException as error:
            left = self._delivery.abandon(SHUTDOWN_GRACE)
            if left:
                self._log.warning(
                    "%d requests were not answered in %.0f s; Heap may have taken them", left, SHUTDOWN_GRACE
                )
            if isinstance(error, HeapError):
                self._finish()
                error.report = self.report.as_dict()
            raise
        finally:
            self._finish()
            if self.state:
                self.state.close(done)
            for line in self.report.recap(self._title):
                self._log.info("%s", line)
        return self.report

    def stop(self, why: str) -> None:
        """
        End the run early; :meth:`run` raises :class:`SyncStoppedError` within seconds. For other threads than its own.

        :param why: for the message.
        """
        self._delivery.stop(SyncStoppedError(f"Sync {self._name} {why}; what Heap had answered by then is counted."))

    @property
    def environment(self) -> Environment:
        """Where to."""
        return self._client.environment

    @property
    def _title(self) -> str:
        kind = "Dry run of sync" if self._aim is RunMode.DRY_RUN else "Sync"
        return (
            f"{kind} {self._name}: {self._object.name}s ({self._object.behaviour}) to {self._client.environment.label}"
        )

    def _stop_with(self, stop: StopSignal) -> None:
        try:
            stop.raise_if_set()
        except BaseException as error:
            self._delivery.stop(error)

    def _deliver(self, batch: ItemBatch) -> None:
        self._courier.deliver(batch)

    def _take(self, mapping: Mapper, rows: Sequence[Any]) -> None:
        if self._mapping is None:
            self._guards.meet(mapping)
            if self.state and mapping.signature is not None:
                self.state.check_mapping(mapping.signature)
        self._mapping = mapping
        for start in range(0, len(rows), MAPPED_ROWS):
            self._map(mapping, rows[start : start + MAPPED_ROWS])

    def _map(self, mapping: Mapper, rows: Sequence[Any]) -> None:
        mapped = mapping.map(rows, self._outcomes.rows_read + 1)
        self._outcomes.rows_read += len(rows)
        self.report.truncated += mapped.truncated
        if mapped.invalid:
            self._outcomes.invalidate(mapped.invalid)
            self._tell_invalid(mapped.invalid)
        items = mapped.items
        self._guards.note(self._outcomes.rows_read, () if self.state else items.keys, mapped.filled)
        if self.state:
            items = self.state.select_changed(items)
            self.report.unchanged += len(mapped.items) - len(items)
        self._to_send += len(items)
        for batch in self._batcher.add(items):
            self._delivery.put(batch)
        self._tell_progress()

    def _finish(self) -> None:
        self.report.end()
        self._outcomes.close()
        self._client.close()
        self._guards.close()
        if self._aim is not RunMode.DRY_RUN:
            self.report.requests, self.report.bytes = self._client.requests, self._client.bytes
        self.report.rejects = self._rejects.path

    def _too_many(self) -> TooManyRejectedError:
        report = self.report
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in report.reasons.most_common())
        where = f"look at {self._rejects.path}" if self._rejects.path else "set rejects_path to see them"
        return TooManyRejectedError(
            f"{report.invalid:,} invalid and {report.rejected:,} rejected of {report.read:,} rows are more than "
            f"max_rejected={self._settings.max_rejected} forgives ({reasons}); {report.done:,} rows were "
            f"{self._aim.value}. "
            f"To go on: {where}, mend the model, or raise max_rejected."
        )

    def _tell_invalid(self, rows: Sequence[InvalidRow]) -> None:
        for row in rows[: max(0, MAX_LOGGED_ROWS - self._named)]:
            where = f" (column {row.column!r})" if row.column else ""
            detail = f": {row.detail}" if row.detail else ""
            self._log.warning("Row %d is invalid: %s%s%s", row.number, row.reason, where, detail)
        if self._named < MAX_LOGGED_ROWS <= self._named + len(rows):
            self._log.warning("Further invalid rows are counted, and kept in the rejects file if there is one")
        self._named += len(rows)

    def _check_guards(self) -> None:
        compares = self.state is not None and self.state.compares
        if self._guards.max_changed is not None and self._outcomes.rows_read and not compares:
            self._log.info(
                "max_changed does not hold in this run: there is nothing to compare with, because all rows are asked "
                "for (full_sync), or no run of this sync to this target came to its end before"
            )
        changed = self._to_send if compares else None
        self._guards.check(self._outcomes.rows_read, changed, self.report.duplicate_keys)

    def _tell_duplicates(self) -> None:
        count = (self.state or self._guards).duplicate_keys()
        self.report.duplicate_keys = count
        if count and not self._guards.unique_key:  # which says it itself
            counts = "and Heap keeps the first" if self._object.write_once else "so the last one counts"
            column = self._mapping and self._mapping.key_column
            pick = (
                f". To pick one row for each key: select * from (select m.*, row_number() over (partition by {column} "
                "order by ... desc) as pick from (...the model...) m) p where pick = 1"
                if column
                else ""
            )
            self._log.warning(
                "%s keys came more than once; such rows are sent in their order, %s%s", f"{count:,}", counts, pick
            )

    def _tell_progress(self) -> float:
        """Write a line when it is time; return the seconds until then."""
        left = self._next_progress - time.monotonic()
        if left > 0:
            return left
        self._next_progress += PROGRESS_EVERY - left
        report, limit = self.report, self._pace.limit
        self._log.info(
            "%s rows read, %s unchanged, %s %s, %s invalid, %s rejected%s; %s rows/s, %s",
            f"{self._outcomes.rows_read:,}",
            f"{report.unchanged:,}",
            f"{report.done:,}",
            self._aim.value,
            f"{report.invalid:,}",
            f"{report.rejected:,}",
            f", {self._delivery.on_disk:,} wait on disk" if self._delivery.on_disk else "",
            f"{report.done / report.seconds:,.0f}",
            f"Heap's pace allows {limit / 60:,.0f}" if limit else "no limit of pace",
        )
        return PROGRESS_EVERY
