"""One run: the rows of a model through mapping, state and delivery, in one direction; a report at its end."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from airflow_provider_heap.api.client import HeapClient
from airflow_provider_heap.api.objects import MAX_BYTES
from airflow_provider_heap.exceptions import HeapError, SyncStoppedError
from airflow_provider_heap.sync.delivery.batch_queue import BatchQueue
from airflow_provider_heap.sync.delivery.batcher import Batcher
from airflow_provider_heap.sync.delivery.dispatcher import Dispatcher, Sender
from airflow_provider_heap.sync.delivery.dry_run import DryRunSender
from airflow_provider_heap.sync.delivery.ledger import OutcomeLedger
from airflow_provider_heap.sync.delivery.record_only import RecordOnlySender
from airflow_provider_heap.sync.delivery.sender import BatchSender
from airflow_provider_heap.sync.items import ItemBatch, MappedChunk, MappedRows
from airflow_provider_heap.sync.mapping.summary import MappingSummary
from airflow_provider_heap.sync.plan import CountOrShare, Log, RunMode, SyncPlan
from airflow_provider_heap.sync.rejects.writer import RejectsWriter
from airflow_provider_heap.sync.report import Report
from airflow_provider_heap.sync.run.changed_rows import chunks_of
from airflow_provider_heap.sync.run.guards import Guards
from airflow_provider_heap.sync.run.run_log import RunLog
from airflow_provider_heap.sync.state.changes import ChangeSelector
from airflow_provider_heap.sync.state.comparison import Counts
from airflow_provider_heap.sync.state.diff_state import DiffState
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.sync.state.store import Store
from airflow_provider_heap.sync.state.sync_state import SyncState
from airflow_provider_heap.sync.stop_signal import BackgroundCall, StopSignal

#: Seconds that requests in flight get when the run ends early. Airflow follows SIGTERM with SIGKILL after five.
SHUTDOWN_GRACE = 3.0
#: Seconds that the state, and then the rejects file, get to close after a stop ...
CLOSE_GRACE = 0.6
#: ... and after a failure, when nobody is about to end the process.
FAILURE_GRACE = 60.0
#: New objects that start the garbage collector while rows are read: more than there are rows in memory.
GC_THRESHOLD = 50_000

#: The collector's thresholds when the first of the runs that read now began. Guarded by the lock.
_gc_thresholds: list[tuple[int, int, int]] = []
_gc_lock = threading.Lock()

#: Opens what a run reads. Called, entered and left on one thread.
OpenRows = Callable[[], AbstractContextManager[MappedRows]]


class SyncRun:
    """
    Execute a plan, once.

    One thread reads: it maps rows, compares them with the state and puts batches into the queue. Senders take them from
    there, on threads of their own. The caller's thread waits, logs progress and closes what was opened. Without a stop
    signal it reads too.

    :param plan: what to do.
    :param open_rows: opens what is read.
    :param open_store: opens the database of the state; needed when the plan has state.
    :param log: takes what a person should know.
    :param stop: ends the run early when it is set.
    """

    def __init__(
        self,
        plan: SyncPlan,
        open_rows: OpenRows,
        open_store: Callable[[], Store] | None = None,
        *,
        log: Log | None = None,
        stop: StopSignal | None = None,
    ) -> None:
        deletes = plan.heap_object.deletes
        logger: Log = log or logging.getLogger(__name__)
        self.plan = plan
        self.report = Report(sync=plan.describe(), would_send=0 if plan.mode is RunMode.DRY_RUN else None)
        self.report.deletion_requests = [] if deletes else None
        self._open_rows = open_rows
        self._open_store = open_store
        self._reads_in_background = stop is not None
        self._stop = stop or StopSignal()
        self._logger = logger
        self._log = RunLog(plan, self.report, logger)
        self._guards = Guards(plan.guards, plan.state is None, plan.compares_in_database)
        self._state: SyncState | DiffState | None = None
        # Nobody's deletion is asked for twice in a run, also where no state tells who came before.
        self._deduplicator = ChangeSelector(None, StateKey.of(plan)) if deletes else None
        self._key_column: str | None = None
        self.mapping: MappingSummary | None = None  # which column fills what, once the query ran
        self._to_send = 0
        self._client = HeapClient(plan.environment, plan.delivery.concurrency, retry_policy=plan.delivery.retry_policy)
        self._rejects = RejectsWriter(plan.rejects_path, plan.name, plan.heap_object.name)
        self._ledger = OutcomeLedger(self.report, self._rejects, CountOrShare(plan.delivery.max_rejected))
        self._batcher = Batcher(plan.items_per_request, MAX_BYTES - len(self._client.body(plan.heap_object, b"")))
        self._queue = BatchQueue(2 * plan.delivery.concurrency, self._stop, logger, plan.holds_rows_back)
        self._sender = _make_sender(plan, self._client, self._ledger, self._queue, self._stop)
        self._dispatcher = Dispatcher(self._queue, self._sender, self._stop, plan.senders)

    @property
    def first_request(self) -> bytes | None:
        """Body of the first request of a dry run; None in other runs, or when there was none."""
        return self._sender.first_request if isinstance(self._sender, DryRunSender) else None

    def execute(self) -> Report:
        """
        Read the model and bring its rows to Heap.

        :return: the counters.
        :raises HeapError: one of its classes, with the counters as ``report``; and whatever reading raises.
        """
        self._log.start()
        completed, grace = False, CLOSE_GRACE
        try:
            read = partial(self._call, self._read, "heap-reader") if self._reads_in_background else self._read
            read()
            self._deliver()
            completed = True
            self._raise_if_rows_failed()
        except BaseException as error:
            grace = _closing_grace(error)
            self._stop.set(error)
            self._log.unanswered(self._queue.cancel(SHUTDOWN_GRACE), SHUTDOWN_GRACE)
            if isinstance(error, HeapError):
                self._end_report()
                error.report = self.report.as_dict()
            raise
        finally:
            self._end_report()
            self._close(completed, grace)
            self._log.recap(completed)
        return self.report

    def _read(self) -> None:
        """Read all rows, and put those that are to be sent into the queue."""
        self._rejects.probe()
        self._stop.raise_if_set()
        self._open_state()
        with self._open_rows() as rows, _fewer_collections():
            self._key_column = rows.key_column
            self.mapping = rows.mapping
            self.report.sync = self.plan.describe(self.mapping)
            for chunk in chunks_of(rows, self._state, self.plan.mode, self._ledger, self._allow):
                self._stop.raise_if_set()
                if self._state is not None and rows.signature is not None and not self.report.rows_read:
                    self._state.check_mapping(rows.signature)
                self._take(chunk)
                self._log.progress(self._queue.on_disk)
        self._put(self._batcher.flush())

    def _allow(self, counts: Counts) -> None:
        """Check the guards before the first of the rows is read that their own database found to be changed."""
        self._guards.add_counts(counts.filled)
        if self.plan.mode is not RunMode.DRY_RUN:
            self.report.duplicate_keys = counts.duplicates
            self._check_guards(counts.rows, counts.changes or 0)

    def _put(self, batches: Iterable[ItemBatch]) -> None:
        for batch in batches:
            self._dispatcher.put(batch)

    def _open_state(self) -> None:
        if self.plan.state is None:
            return
        self._state = _make_state(self.plan, self._open_store)
        self._state.open(self._stop, self._logger)
        self._ledger.record_with(self._state)

    def _take(self, chunk: MappedChunk) -> None:
        """Take a chunk through guards and state into batches."""
        self._ledger.add_chunk(chunk)
        self._log.invalid(chunk.invalid)
        self._guards.add(chunk, self.report.rows_read)
        items = chunk.items
        if self._state is not None:
            items = self._state.select_changed(items)
        elif self._deduplicator is not None:
            items = self._deduplicator.select(items)
        self._ledger.add_unchanged(len(chunk.items) - len(items))
        self._to_send += len(items)
        self._put(self._batcher.add(items))
        if chunk.ends_part:
            self._put(self._batcher.flush())

    def _deliver(self) -> None:
        """Check the guards, and wait until all that was read has its outcome."""
        counter = self._state or self._deduplicator or self._guards
        self.report.duplicate_keys = counter.duplicate_keys()
        self.report.new_keys = self._state.new if self._state is not None else None
        self.report.sync = self.plan.describe(self.mapping, self.report.new_keys)
        if not self.plan.guards.unique_key:  # which says it itself
            self._log.duplicates(self.report.duplicate_keys, self._key_column)
        if self.plan.mode is RunMode.DRY_RUN:
            self._wait_for(self._queue.is_empty)
        self._check_guards(self.report.rows_read, self._to_send)
        self._dispatcher.resume()
        if self._queue.on_disk:
            self._log.rows_wait(self._queue.on_disk)
        self._wait_for(self._queue.is_empty)
        self._dispatcher.join()
        if self._state is not None:
            self._call(self._state.finish, "heap-state-finish")

    def _check_guards(self, rows: int, to_send: int) -> None:
        compares = self._state is not None and self._state.compares
        if self.plan.guards.max_changed is not None and rows and not compares:
            self._log.nothing_to_compare_with()
        self._guards.check(rows, to_send if compares else None, self.report.duplicate_keys, self._key_column)

    def _raise_if_rows_failed(self) -> None:
        self._call(self._rejects.close, "heap-close")
        if self._ledger.tolerance_exceeded():
            self._end_report()
            raise self._log.too_many_rejected()
        self._rejects.raise_if_lost()

    def _call(self, function: Callable[[], None], name: str) -> None:
        """Call what may block, on a thread of its own, and wait for it."""
        call = BackgroundCall(function, name, self._stop)
        self._wait_for(call.returned)
        call.result()

    def _wait_for(self, predicate: Callable[[], bool]) -> None:
        """Wait until something holds, and log progress meanwhile."""
        while not self._stop.wait_for(predicate, self._log.progress(self._queue.on_disk)):
            pass

    def _end_report(self) -> None:
        """Let nothing that comes later change the report."""
        self.report.end()
        self._ledger.close()
        self.report.rejects = self._rejects.path
        if self.plan.mode is RunMode.DRY_RUN:
            self.report.dry_run_path = str(self.plan.dry_run_path) if self.plan.dry_run_path else None
        else:
            self.report.requests, self.report.bytes = self._client.requests, self._client.bytes

    def _close(self, completed: bool, grace: float) -> None:
        """Close what was opened. When the run ended early, databases and storage get some seconds to answer."""
        if self._state is not None:
            self._state.close(completed, grace)
        closing = BackgroundCall(self._rejects.close, "heap-close")
        while not closing.wait(grace):
            if self._stop.is_set:
                self._log.rejects_not_closed()
                break
        for part in (self._queue, self._deduplicator, self._guards, self._client):
            if part is not None:
                part.close()


def _make_state(plan: SyncPlan, open_store: Callable[[], Store] | None) -> SyncState | DiffState:
    assert open_store is not None
    assert plan.holder is not None
    assert plan.state is not None
    state_class = DiffState if plan.compares_in_database else SyncState
    read_only = plan.mode is RunMode.DRY_RUN
    return state_class(open_store(), StateKey.of(plan), plan.holder, plan.state, read_only=read_only)


def _make_sender(
    plan: SyncPlan, client: HeapClient, ledger: OutcomeLedger, queue: BatchQueue, stop: StopSignal
) -> Sender:
    if plan.mode is RunMode.DRY_RUN:
        return DryRunSender(client, plan.heap_object, ledger, plan.dry_run_path)
    if plan.mode is RunMode.ADOPT:
        return RecordOnlySender(ledger)
    rate_limiter = plan.rate_limiter()
    stop.on_set(rate_limiter.close)
    return BatchSender(client, plan.heap_object, rate_limiter, ledger, queue)


def _closing_grace(error: BaseException) -> float:
    """Return how long closing may take: a stop, or Airflow's timeout, which is not an Exception, leaves little time."""
    is_failure = isinstance(error, Exception) and not isinstance(error, SyncStoppedError)
    return FAILURE_GRACE if is_failure else CLOSE_GRACE


@contextmanager
def _fewer_collections() -> Iterator[None]:
    """
    Keep the garbage collector from being started by rows.

    It starts when there are 700 more objects than at its last turn, and a chunk of rows is more than that. Rows are
    freed without it, but it would look through all that Airflow has loaded: a tenth of a second each time.
    """
    with _gc_lock:
        _gc_thresholds.append(gc.get_threshold())
        gc.set_threshold(max(_gc_thresholds[0][0], GC_THRESHOLD), *_gc_thresholds[0][1:])
    try:
        yield
    finally:
        with _gc_lock:
            first = _gc_thresholds[0]
            _gc_thresholds.pop()
            if not _gc_thresholds:  # the last run of this process that reads
                gc.set_threshold(*first)
