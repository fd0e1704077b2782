"""What became of each row: counted, kept when it did not arrive, recorded when it did."""

from __future__ import annotations

import threading
from typing import Protocol

from airflow_provider_heap.api.response import Response
from airflow_provider_heap.sync.items import ItemBatch, MappedChunk
from airflow_provider_heap.sync.plan import CountOrShare
from airflow_provider_heap.sync.rejects.writer import RejectsWriter
from airflow_provider_heap.sync.report import Report

#: Rows beyond ``max_rejected`` after which the search for the good rows of a refused batch is given up.
BISECT_ALLOWANCE = 1000


class Recorder(Protocol):
    """Keep the state of the items that are sent."""

    def assert_held(self) -> None:
        """Make sure that no other run took the sync."""

    def strike_out(self, items: ItemBatch) -> None:
        """Remove the recorded fingerprints of items that are about to be sent."""

    def record(self, items: ItemBatch, request_id: str | None = None) -> None:
        """Record items that Heap took, for a deletion with the ID of the request."""

    def reject(self, items: ItemBatch) -> None:
        """Take note of items that Heap refused."""


class OutcomeLedger:
    """
    Count each row's final outcome exactly once. Safe to use from several threads.

    It is open or, once and for all, closed; then nothing changes the report any more. ``_lock`` guards ``_closed`` and
    all counters of the report but those of requests.

    :param report: takes the counts.
    :param rejects: takes the rows that did not arrive.
    :param max_rejected: how many of those the task tolerates.
    """

    def __init__(self, report: Report, rejects: RejectsWriter, max_rejected: CountOrShare) -> None:
        self._report = report
        self._rejects = rejects
        self._max_rejected = max_rejected
        self._recorder: Recorder | None = None
        self._closed = False
        self._lock = threading.Lock()

    def record_with(self, recorder: Recorder) -> None:
        """
        Keep the state of what is sent from now on; before the first batch.

        :param recorder: the sync's state.
        """
        self._recorder = recorder

    @property
    def sent(self) -> int:
        """Items that Heap accepted so far."""
        return self._report.sent

    def add_chunk(self, chunk: MappedChunk) -> None:
        """
        Count rows that were read, and give those that could not become an item their outcome.

        :param chunk: the next rows of the query.
        """
        with self._lock:
            if self._closed:
                return
            self._report.rows_read += len(chunk)
            self._report.truncated += chunk.truncated
            self._report.invalid += len(chunk.invalid)
            self._report.reasons.update(row.reason for row in chunk.invalid)
        self._rejects.add_invalid(chunk.invalid)

    def add_unchanged(self, count: int) -> None:
        """
        Give rows that Heap has already their outcome.

        :param count: how many.
        """
        with self._lock:
            if not self._closed:
                self._report.unchanged += count

    def add_unread(self, count: int) -> None:
        """
        Count rows that Heap has already, and that nobody read.

        :param count: how many.
        """
        with self._lock:
            if not self._closed:
                self._report.rows_read += count
                self._report.unchanged += count

    def add_adopted(self, count: int, invalid: int, reason: str) -> None:
        """
        Count rows that were recorded as sent, and that nobody read.

        :param count: how many.
        :param invalid: rows beside them that could not be recorded.
        :param reason: the code under which those are counted.
        """
        with self._lock:
            if not self._closed:
                self._report.rows_read += count + invalid
                self._report.sent += count
                self._report.invalid += invalid
                self._report.reasons.update({reason: invalid} if invalid else {})

    def begin(self, items: ItemBatch) -> None:
        """
        Prepare the state for items that are about to be sent, before their first request.

        From here on until :meth:`accept` nobody knows whether Heap has them.

        :param items: the items.
        :raises StateError: when the state cannot be written; then they must not be sent.
        """
        if self._recorder is not None:
            self._recorder.strike_out(items)

    def assert_may_send(self) -> None:
        """
        Make sure that this run still holds its sync; before every try of a request.

        :raises SyncRunningError: when another run took it.
        """
        if self._recorder is not None:
            self._recorder.assert_held()

    def accept(self, items: ItemBatch, request_id: str | None = None) -> None:
        """
        Settle items that Heap answered with a 2xx.

        :param items: the items of that request.
        :param request_id: Heap's ID of it, when it is a deletion.
        :raises StateError: when they can't be recorded; they count as sent all the same.
        """
        with self._lock:
            if self._closed:
                return
            self._report.sent += len(items)
            if request_id is not None and self._report.deletion_requests is not None:
                self._report.deletion_requests.append(request_id)
        if self._recorder is not None:
            self._recorder.record(items, request_id)

    def reject(self, items: ItemBatch, response: Response) -> None:
        """
        Settle items that Heap refused.

        :param items: the items.
        :param response: Heap's.
        """
        with self._lock:
            if self._closed:
                return
            self._report.rejected += len(items)
            self._report.reasons[response.reason_code] += len(items)
        self._rejects.add_rejected(items, response)
        if self._recorder is not None:
            self._recorder.reject(items)

    def add_prepared(self, count: int, size: int) -> None:
        """
        Settle items of a request that a dry run made.

        :param count: how many items.
        :param size: bytes of the request's body.
        """
        with self._lock:
            if not self._closed:
                self._report.would_send = (self._report.would_send or 0) + count
                self._report.requests += 1
                self._report.bytes += size

    def tolerance_exceeded(self, allowance: int = 0) -> bool:
        """
        Return whether more rows failed than the task tolerates.

        :param allowance: rows beyond that.
        """
        with self._lock:
            failed = self._report.invalid + self._report.rejected
            return self._max_rejected.exceeded(failed - allowance, self._report.rows_read)

    def close(self) -> None:
        """Let nothing that comes later change the counters."""
        with self._lock:
            self._closed = True
