"""What the log says about a run."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from airflow_provider_heap.exceptions import TooManyRejectedError
from airflow_provider_heap.sync.items import InvalidRow
from airflow_provider_heap.sync.plan import Log, RunMode, SyncPlan
from airflow_provider_heap.sync.report import Report
from airflow_provider_heap.sync.run.guards import pick_one
from airflow_provider_heap.wording import counted

#: Seconds between two lines of progress.
PROGRESS_EVERY = 10.0
#: Invalid rows that the log names; the others are in the rejects file.
MAX_LOGGED_ROWS = 5


class RunLog:
    """
    Log a run: what it does, its progress, and what a person should know of its rows.

    ``_lock`` guards ``_next_progress``; rows are logged by the thread that reads.

    :param plan: the run's.
    :param report: its counters.
    :param log: takes the lines.
    """

    def __init__(self, plan: SyncPlan, report: Report, log: Log) -> None:
        self._plan = plan
        self._report = report
        self._log = log
        self._next_progress = time.monotonic() + PROGRESS_EVERY
        self._logged_rows = 0
        self._lock = threading.Lock()

    def start(self) -> None:
        """Log what the run is about to do, and where it writes."""
        plan = self._plan
        does = (
            "Dry run: sync %s reads %s, and sends no %ss to Heap"
            if plan.mode is RunMode.DRY_RUN
            else "Sync %s reads %s and writes %ss to Heap"
        )
        if plan.heap_object.deletes and plan.sends:
            self._log.info(
                "Sync %s asks Heap to delete for good, from all environments of the account of App ID %s, the users "
                "that %s names%s, with their data",
                plan.name,
                plan.environment.app_id,
                plan.source_label,
                "" if plan.guards.max_rows is None else f", at most {plan.guards.max_rows:,}",
            )
        for warning in plan.warnings:
            self._log.warning("%s", warning)
        self._log.info(does, plan.name, plan.source_label, plan.heap_object.name)
        self._log.info("Heap is %s", plan.environment.label)

    def invalid(self, rows: Sequence[InvalidRow]) -> None:
        """
        Log the first invalid rows: number, reason and column.

        :param rows: the next of them.
        """
        for row in rows[: max(0, MAX_LOGGED_ROWS - self._logged_rows)]:
            where = f" (column {row.column!r})" if row.column else ""
            detail = f": {row.detail}" if row.detail else ""
            self._log.warning("Row %d is invalid: %s%s%s", row.number, row.reason, where, detail)
        if self._logged_rows < MAX_LOGGED_ROWS <= self._logged_rows + len(rows):
            self._log.warning("Further invalid rows are counted, and kept in the rejects file if there is one")
        self._logged_rows += len(rows)

    def duplicates(self, count: int | None, key_column: str | None) -> None:
        """
        Log that keys came more than once, and a query that picks one row for each.

        :param count: how many keys; None when they were not counted.
        :param key_column: column of the sync key.
        """
        if not count:
            return
        if self._plan.heap_object.deletes:
            self._log.info(
                "%s came more than once; a key is asked for once, and is unchanged after that", counted(count, "key")
            )
            return
        outcome = "and Heap keeps the first" if self._plan.heap_object.write_once else "so the last one counts"
        pick = f". T{pick_one(key_column)[1:]}" if key_column else ""
        self._log.warning(
            "%s came more than once; such rows are sent in their order, %s%s", counted(count, "key"), outcome, pick
        )

    def nothing_to_compare_with(self) -> None:
        """Log that ``max_changed`` is not checked in this run."""
        self._log.info(
            "max_changed is not checked in this run: there is nothing to compare with, because all rows are asked for "
            "(full_sync), or no run of this sync to this target came to its end before"
        )

    def rows_wait(self, on_disk: int) -> None:
        """
        Log that all rows are read, and others wait for Heap.

        :param on_disk: items that wait on disk.
        """
        limit = self._plan.rate_limit if self._plan.sends else None
        self._log.info(
            "The last of %s is read, after %.1f s, and the model is closed; %s on disk%s",
            counted(self._report.rows_read, "row"),
            self._report.seconds,
            f"{counted(on_disk, 'row')} {'waits' if on_disk == 1 else 'wait'}",
            f", which takes {on_disk / limit:,.0f} min at Heap's pace" if limit else "",
        )

    def progress(self, on_disk: int) -> float:
        """
        Log a line of progress when it is time.

        :param on_disk: items that wait on disk.
        :return: seconds until the next one.
        """
        with self._lock:
            now = time.monotonic()
            if now < self._next_progress:
                return self._next_progress - now
            self._next_progress = now + PROGRESS_EVERY
        report = self._report
        limit = self._plan.rate_limit if self._plan.sends else None
        self._log.info(
            "%s read, %s unchanged, %s %s, %s invalid, %s rejected%s; %s rows/s, %s",
            counted(report.rows_read, "row"),
            f"{report.unchanged:,}",
            f"{report.done:,}",
            self._plan.mode.value,
            f"{report.invalid:,}",
            f"{report.rejected:,}",
            f", {on_disk:,} {'waits' if on_disk == 1 else 'wait'} on disk" if on_disk else "",
            f"{report.done / report.seconds:,.0f}",
            f"Heap's pace allows {limit / 60:,.0f}" if limit else "no limit of pace",
        )
        return PROGRESS_EVERY

    def unanswered(self, requests: int, seconds: float) -> None:
        """
        Log that requests were given up.

        :param requests: how many.
        :param seconds: how long they had.
        """
        if requests:
            were, them = ("was", "it") if requests == 1 else ("were", "them")
            self._log.warning(
                "%s %s not answered in %.0f s; Heap may have taken %s",
                counted(requests, "request"),
                were,
                seconds,
                them,
            )

    def rejects_not_closed(self) -> None:
        """Log that the rejects file may be incomplete."""
        self._log.warning("The storage of the rejects file does not answer: %s may be incomplete", self._report.rejects)

    def too_many_rejected(self) -> TooManyRejectedError:
        """Return the error of a run in which more rows failed than the task tolerates."""
        report, plan = self._report, self._plan
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in report.reasons.most_common())
        where = f"look at {report.rejects}, " if report.rejects else ""
        done = f"{counted(report.done, 'row')} {'was' if report.done == 1 else 'were'} {plan.mode.value}"
        return TooManyRejectedError(
            f"{report.invalid:,} invalid and {report.rejected:,} rejected of {counted(report.read, 'row')} did not "
            f"arrive ({reasons}), more than are tolerated; {done}. To go on: {where}{plan.advice}."
        )

    def recap(self, completed: bool) -> None:
        """
        Log the table of counters that ends a run, as one record; nothing when it failed before it read a row.

        :param completed: whether all rows were read and have their outcome.
        """
        if completed or self._report.rows_read:
            self._log.info("%s", "\n".join(self._report.recap(self._plan.title)))
