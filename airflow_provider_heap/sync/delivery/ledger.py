"""What became of each row: counted, kept when it did not arrive, and weighed against what the task forgives."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from airflow_provider_heap.api.client import Response
from airflow_provider_heap.sync.items import InvalidRow, ItemBatch
from airflow_provider_heap.sync.rejects.writer import RejectsWriter
from airflow_provider_heap.sync.report import Report

#: Beyond the forgiven rows by this many, looking for the good rows of a refused batch is given up.
PATIENCE = 1000


@dataclass(frozen=True)
class CountOrShare:
    """
    How many invalid and rejected rows a task forgives.

    :param limit: an int is a count of rows, a float below 1 a share of the rows read.
    """

    limit: int | float

    def rows(self, read: int) -> float:
        """
        Return how many rows that is.

        :param read: rows read so far.
        """
        return self.limit * read if isinstance(self.limit, float) and self.limit < 1 else self.limit


class OutcomeLedger:
    """
    Settles rows, each once. Safe to use from several threads.

    :param report: takes the counts.
    :param rejects: takes the rows that did not arrive.
    :param forgiven: how many of those the task forgives.
    :param record: writes down what Heap took; None when nobody wants to know.
    """

    def __init__(
        self,
        report: Report,
        rejects: RejectsWriter,
        forgiven: CountOrShare,
        record: Callable[[ItemBatch], None] | None = None,
    ) -> None:
        self.report = report
        #: Rows read so far, on their way or settled.
        self.rows_read = 0
        self._rejects = rejects
        self._forgiven = forgiven
        self._record = record
        self._closed = False
        self._lock = threading.Lock()

    @property
    def sent(self) -> int:
        """Items that Heap accepted so far."""
        return self.report.sent

    def accept(self, items: ItemBatch) -> None:
        """
        Settle items that Heap answered with a 2xx.

        :param items: the items of that request.
        :raises StateError: when they can't be recorded; they count as sent all the same.
        """
        with self._lock:
            if self._closed:
                return
            self.report.sent += len(items)
        if self._record:
            self._record(items)

    def reject(self, items: ItemBatch, answer: Response) -> None:
        """
        Settle items that Heap refused.

        :param items: the items.
        :param answer: Heap's.
        """
        with self._lock:
            if self._closed:
                return
            self.report.rejected += len(items)
            self.report.reasons[answer.reason_code] += len(items)
        for number, item in zip(items.numbers, items.bodies, strict=True):
            self._rejects.rejected(number, answer.reason_code, item, answer.text)

    def invalidate(self, rows: Sequence[InvalidRow]) -> None:
        """
        Settle rows that could not become an item.

        :param rows: the rows.
        """
        with self._lock:
            self.report.invalid += len(rows)
            self.report.reasons.update(row.reason for row in rows)
        self._rejects.invalid(rows)

    def too_many(self, patience: int = 0) -> bool:
        """
        Tell whether more rows failed than the task forgives.

        :param patience: rows beyond that.
        """
        failed = self.report.invalid + self.report.rejected
        return failed > self._forgiven.rows(self.rows_read) + patience

    def close(self) -> None:
        """Let nothing that comes later change the counters."""
        with self._lock:
            self._closed = True
        self._rejects.close()
