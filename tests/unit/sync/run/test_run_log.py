"""What the log says: where rows go, how far they are, and what a person should know of them, but no value."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest

from airflow_provider_heap.api.objects import ACCOUNT, EVENT, USER
from airflow_provider_heap.exceptions import TooManyRejectedError
from airflow_provider_heap.sync import report as report_module
from airflow_provider_heap.sync.items import InvalidRow
from airflow_provider_heap.sync.plan import DeliverySettings, RunMode, SyncPlan
from airflow_provider_heap.sync.report import Report
from airflow_provider_heap.sync.run import run_log as module
from airflow_provider_heap.sync.run.run_log import MAX_LOGGED_ROWS, PROGRESS_EVERY, RunLog
from tests.unit.sync.plan.test_sync_plan import ENVIRONMENT


class Lines:
    """A log that keeps its lines, each with its level."""

    def __init__(self):
        self.lines = []

    def info(self, message, *args):
        self.lines.append(("info", message % args))

    def warning(self, message, *args):
        self.lines.append(("warning", message % args))

    def texts(self, level=None):
        """Return the lines of a level, or all, and forget them."""
        lines, self.lines = self.lines, []
        return [text for each, text in lines if level in (None, each)]


@pytest.fixture
def lines():
    return Lines()


@pytest.fixture
def clock(monkeypatch):
    """The clock of logs and reports; it goes on when the test says so."""

    clock = SimpleNamespace(now=100.0)
    time = SimpleNamespace(monotonic=lambda: clock.now)
    monkeypatch.setattr(module, "time", time)
    monkeypatch.setattr(report_module, "time", time)
    return clock


@pytest.fixture
def run_log(clock, lines):
    """Make the log of a run."""

    def make(heap_object=USER, report=None, **values):
        plan = SyncPlan(heap_object, ENVIRONMENT, "people", "connection 'warehouse'", **values)
        return RunLog(plan, report or Report(_started=clock.now), lines)

    return make


def invalid(number, column="email", detail=None):
    return InvalidRow(number, "identity_type", column, {"email": "secret"}, detail)


def test_a_run_begins_with_what_it_reads_and_where_it_writes(run_log, lines):
    run_log(ACCOUNT).start()
    assert lines.texts() == [
        "Sync people reads connection 'warehouse' and writes accounts to Heap",
        f"Heap is {ENVIRONMENT.label}",
    ]


def test_a_dry_run_says_that_it_sends_nothing(run_log, lines):
    run_log(mode=RunMode.DRY_RUN).start()
    assert lines.texts()[0] == "Dry run: sync people reads connection 'warehouse', and sends no users to Heap"


def test_warnings_of_the_plan_come_first(run_log, lines):
    run_log(warnings=("100% of this is slow", "and more")).start()
    assert lines.texts("warning") == ["100% of this is slow", "and more"]


def test_an_invalid_row_is_named_by_number_reason_and_column_and_never_by_value(run_log, lines):
    run_log().invalid([invalid(7), invalid(8, None, "a bytes")])
    assert lines.texts("warning") == [
        "Row 7 is invalid: identity_type (column 'email')",
        "Row 8 is invalid: identity_type: a bytes",
    ]


@pytest.mark.parametrize("sizes", [[MAX_LOGGED_ROWS], [3, 4], [1] * 20, [100, 100], [0, MAX_LOGGED_ROWS - 1, 0, 1]])
def test_the_first_invalid_rows_are_named_and_then_one_line_says_where_the_others_are(run_log, lines, sizes):
    log, number = run_log(), 0
    for size in sizes:
        log.invalid([invalid(number + offset + 1) for offset in range(size)])
        number += size
    texts = lines.texts()
    assert [text.split()[1] for text in texts[:-1]] == [str(number + 1) for number in range(MAX_LOGGED_ROWS)]
    assert texts[-1].startswith("Further invalid rows are counted")


def test_a_few_invalid_rows_are_all_named(run_log, lines):
    run_log().invalid([invalid(1)] * (MAX_LOGGED_ROWS - 1))
    assert len(lines.texts()) == MAX_LOGGED_ROWS - 1


@pytest.mark.parametrize("count", [None, 0])
def test_keys_that_come_once_are_no_news(run_log, lines, count):
    run_log().duplicates(count, "email")
    assert lines.texts() == []


@pytest.mark.parametrize(
    ("heap_object", "outcome"), [(USER, "so the last one counts"), (EVENT, "Heap keeps the first")]
)
def test_of_keys_that_come_more_than_once_it_says_which_row_counts_and_how_to_pick_one(
    run_log, lines, heap_object, outcome
):
    run_log(heap_object).duplicates(1234, "email")
    [text] = lines.texts("warning")
    assert text.startswith("1,234 keys came more than once")
    assert outcome in text
    assert "row_number() over (partition by email order by" in text


def test_a_key_that_is_no_column_has_no_query_to_pick_a_row(run_log, lines):
    run_log().duplicates(1, None)
    assert "select" not in lines.texts()[0]


def test_progress_is_logged_when_it_is_time_and_not_before(run_log, lines, clock):
    log = run_log()
    assert log.progress(0) == PROGRESS_EVERY
    clock.now += PROGRESS_EVERY - 1
    assert log.progress(0) == 1
    assert lines.texts() == []
    clock.now += 1
    assert log.progress(0) == PROGRESS_EVERY
    assert len(lines.texts()) == 1
    assert log.progress(0) == PROGRESS_EVERY
    assert lines.texts() == []


def test_after_a_long_silence_one_line_is_logged(run_log, lines, clock):
    log = run_log()
    clock.now += 10 * PROGRESS_EVERY
    for _ in range(5):
        log.progress(0)
    assert len(lines.texts()) == 1


def test_progress_has_the_counters_the_speed_and_the_pace(run_log, lines, clock):
    report = Report(rows_read=3000, unchanged=500, sent=2000, invalid=3, rejected=4, _started=clock.now)
    log = run_log(EVENT, report)
    clock.now += 20
    log.progress(1500)
    assert lines.texts() == [
        "3,000 rows read, 500 unchanged, 2,000 sent, 3 invalid, 4 rejected, 1,500 wait on disk; 100 rows/s, Heap's "
        "pace allows 250"
    ]


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"mode": RunMode.DRY_RUN}, "to be sent"),
        ({"mode": RunMode.ADOPT}, "recorded as sent"),
        ({"delivery": DeliverySettings(rate_limit=0)}, "sent"),
    ],
)
def test_what_waits_for_no_pace_says_so(run_log, lines, clock, values, word):
    log = run_log(EVENT, **values)
    clock.now += 20
    log.progress(0)
    [text] = lines.texts()
    assert text.endswith("0 rows/s, no limit of pace")
    assert f"0 {word}," in text


def test_rows_that_wait_are_said_to_take_as_long_as_heaps_pace_makes_them(run_log, lines, clock):
    report = Report(rows_read=31_000, _started=clock.now)
    log = run_log(EVENT, report)
    clock.now += 3
    log.rows_wait(30_000)
    assert lines.texts() == [
        "The last of 31,000 rows is read, after 3.0 s, and the model is closed; 30,000 rows wait on disk, which takes "
        "2 min at Heap's pace"
    ]


def test_without_a_pace_nothing_is_said_of_it(run_log, lines):
    run_log(USER).rows_wait(10)
    assert lines.texts()[0].endswith("10 rows wait on disk")


def test_requests_without_an_answer_are_a_warning_and_none_is_no_news(run_log, lines):
    log = run_log()
    log.unanswered(0, 3.0)
    assert lines.texts() == []
    log.unanswered(2, 3.0)
    assert lines.texts("warning") == ["2 requests were not answered in 3 s; Heap may have taken them"]


def test_a_rejects_file_that_may_be_incomplete_is_a_warning(run_log, lines):
    run_log(report=Report(rejects="s3://b/1.jsonl")).rejects_not_closed()
    assert "s3://b/1.jsonl may be incomplete" in lines.texts("warning")[0]


def test_a_guard_that_has_nothing_to_compare_with_is_said_to_be_unchecked(run_log, lines):
    run_log().nothing_to_compare_with()
    assert lines.texts("info")[0].startswith("max_changed is not checked in this run")


def test_the_error_of_too_many_rows_has_the_figures_and_what_to_do(run_log):
    reasons = Counter({"http_400": 1200, "identity_null": 3})
    report = Report(invalid=3, rejected=1200, sent=5000, reasons=reasons, rejects="/rejects/1.jsonl")
    error = run_log(report=report, advice="fix the model").too_many_rejected()
    assert isinstance(error, TooManyRejectedError)
    assert str(error) == (
        "3 invalid and 1,200 rejected of 6,203 rows did not arrive (http_400 1,200, identity_null 3), more than are "
        "tolerated; 5,000 rows were sent. To go on: look at /rejects/1.jsonl, fix the model."
    )


def test_without_a_rejects_file_it_names_none(run_log):
    error = run_log(report=Report(invalid=1, reasons=Counter(a=1)), advice="fix the model").too_many_rejected()
    assert "To go on: fix the model." in str(error)


def test_a_run_ends_with_its_table(run_log, lines):
    report = Report(sent=3)
    log = run_log(report=report)
    log.recap(completed=True)
    plan = SyncPlan(USER, ENVIRONMENT, "people", "connection 'warehouse'")
    # One record, so that a terminal shows a table and not a column of times.
    assert lines.texts("info") == ["\n".join(report.recap(plan.title))]


def test_a_run_that_failed_before_it_read_a_row_has_no_table_of_zeros(run_log, lines):
    run_log(report=Report()).recap(completed=False)
    assert lines.texts("info") == []
    run_log(report=Report(rows_read=1)).recap(completed=False)
    run_log(report=Report()).recap(completed=True)
    assert len(lines.texts("info")) == 2
