"""A glance says which sync has stopped sending."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_heap.ui.counters import Counters
from airflow_provider_heap.ui.status import ORDER, Run, combine_states, status_of

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


def run(state="success", **counters):
    """Return a run with counters; none when none are named."""
    return Run(
        position=1,
        run_id="r",
        run_after=NOW,
        run_type="scheduled",
        state=state,
        start=NOW,
        end=NOW,
        try_number=1,
        instances=1,
        hostname="",
        counters=Counters(**counters) if counters else None,
    )


def status(*runs, paused=False, due=None):
    """Return the status of runs, the newest first."""
    return status_of(runs, paused=paused, due=due, now=NOW)


GOOD = run(read=5, sent=5)
NOTHING_NEW = run(read=5, unchanged=5)
EMPTY = run(read=0)
FAILED = run("failed")


@pytest.mark.parametrize(
    ("runs", "name", "text"),
    [
        ([], "new", "It has not run yet."),
        ([GOOD], "ok", "The last run succeeded."),
        ([NOTHING_NEW, GOOD], "ok", "The last run succeeded."),
        ([NOTHING_NEW, NOTHING_NEW, NOTHING_NEW, GOOD], "silent", "The last 3 runs sent nothing; before that"),
        ([NOTHING_NEW] * 20, "ok", "The last run succeeded."),
        ([EMPTY, GOOD], "empty", "The last run succeeded, but the model had no rows."),
        ([EMPTY, EMPTY], "empty", "The last 2 runs succeeded, but"),
        ([FAILED, GOOD], "failed", "The last run failed."),
        ([FAILED, FAILED, GOOD], "failed", "The last 2 runs failed."),
        ([run("upstream_failed")], "failed", "The last run failed."),
        ([run("running"), FAILED], "failed", "The last run failed."),
        ([run("running"), GOOD], "running", "A run is going on."),
        ([run("up_for_retry"), GOOD], "running", "A run is going on."),
        ([run("skipped"), GOOD], "ok", "The last run succeeded."),
        ([run(read=5, sent=3, invalid=1, rejected=1)], "refusing", "2 rows were refused in the last run."),
        ([run(read=5, sent=4, invalid=1)], "refusing", "1 row was refused in the last run."),
        ([run(read=5, would_send=5), GOOD], "ok", "The last run succeeded."),
        ([run(read=0, would_send=0)], "ok", "The last run succeeded."),
        ([run(), GOOD], "ok", "The last run succeeded."),
    ],
)
def test_the_status_of_runs(runs, name, text):
    found = status(*runs)
    assert (found.name, found.text[: len(text)]) == (name, text)


@pytest.mark.parametrize(
    ("runs", "name", "text"),
    [
        ([NOTHING_NEW] * 20, "silent", "At least the last 20 runs sent nothing; before that"),
        ([NOTHING_NEW] * 3 + [FAILED], "silent", "At least the last 3 runs"),
        ([NOTHING_NEW] * 2, "ok", ""),
        ([EMPTY] * 20, "empty", "The last 20 runs succeeded, but"),
        ([GOOD, *[NOTHING_NEW] * 19], "ok", ""),
        ([], "new", ""),
    ],
)
def test_the_status_of_runs_when_an_earlier_one_sent_rows(runs, name, text):
    found = status_of(runs, paused=False, due=None, now=NOW, sent_before=True)
    assert (found.name, found.text[: len(text)]) == (name, text)


def test_a_paused_sync_is_paused_whatever_its_runs():
    assert status(FAILED, paused=True).name == "paused"


@pytest.mark.parametrize(("minutes", "name"), [(60, "late"), (5, "ok"), (-60, "ok")])
def test_a_run_that_does_not_start_is_late(minutes, name):
    assert status(GOOD, due=NOW - timedelta(minutes=minutes)).name == name
    assert status(run("running"), GOOD, due=NOW - timedelta(minutes=minutes)).name == "running"


@pytest.mark.parametrize(
    ("states", "combined"),
    [
        (["success", "success"], "success"),
        (["success", "failed", "running"], "failed"),
        (["success", "upstream_failed"], "failed"),
        (["success", "running"], "running"),
        (["success", None], None),
        (["up_for_retry", "success"], "up_for_retry"),
        (["skipped", "success"], "success"),
        (["skipped", "skipped"], "skipped"),
    ],
)
def test_the_state_of_a_mapped_task(states, combined):
    assert combine_states(states) == combined


def test_every_status_has_its_place_in_the_list():
    assert len(set(ORDER)) == len(ORDER) == 9
