"""Say how a sync is doing, from its last runs: which one needs a look, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from airflow_provider_heap.ui.counters import Counters

#: How long after its time a run may begin before the sync is late.
GRACE = timedelta(minutes=15)
#: Runs in a row without a row sent, after which a sync that used to send counts as silent.
SILENT_RUNS = 3

RUNNING_STATES = frozenset({"running", "queued", "scheduled", "restarting", "deferred", "up_for_reschedule", None})
FAILED_STATES = frozenset({"failed", "upstream_failed"})


class Run(msgspec.Struct, kw_only=True):
    """
    One run of a sync, the instances of a mapped task added up.

    :param position: the DAG run's number in Airflow's database: a newer run has a higher one.
    :param run_id: the DAG run's ID.
    :param run_after: when it was due.
    :param run_type: ``scheduled``, ``manual`` and so on.
    :param state: of the task.
    :param start: when the first instance began.
    :param end: when the last one ended; None while one runs.
    :param try_number: the highest.
    :param instances: how many there are.
    :param hostname: of the worker; of one of them, when there are several.
    :param map_index: below 0 when the task is not mapped, or several instances are added up.
    :param counters: None when the run left none that can be read.
    """

    position: int
    run_id: str
    run_after: datetime | None
    run_type: str
    state: str | None
    start: datetime | None
    end: datetime | None
    try_number: int
    instances: int
    hostname: str
    map_index: int = -1
    counters: Counters | None = None

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.state in RUNNING_STATES or self.state == "up_for_retry"

    @property
    def real(self) -> bool:
        """Whether it ended well, and was not a dry run."""
        return self.state == "success" and self.counters is not None and self.counters.would_send is None


class Status(msgspec.Struct):
    """
    How a sync is doing.

    :param name: ``failed``, ``silent``, ``empty``, ``late``, ``refusing``, ``running``, ``new``, ``paused`` or ``ok``.
    :param text: why, in a sentence.
    """

    name: str
    text: str


#: Those that need a look, the most urgent first; then the others.
ORDER = ("failed", "silent", "empty", "late", "refusing", "running", "ok", "new", "paused")


def combine_states(states: Sequence[str | None]) -> str | None:
    """
    Return the state of a task from those of its instances.

    :param states: of the instances, at least one.
    """
    for kind in FAILED_STATES | {"up_for_retry"}:
        if kind in states:
            return "failed" if kind in FAILED_STATES else kind
    for state in states:
        if state in RUNNING_STATES:
            return state
    return "success" if "success" in states else states[0]


def status_of(
    runs: Sequence[Run], *, paused: bool, due: datetime | None, now: datetime, sent_before: bool = False
) -> Status:
    """
    Say how a sync is doing.

    :param runs: its last runs, the newest first.
    :param paused: whether its DAG is paused.
    :param due: when its next run is to begin; None when nothing is scheduled.
    :param now: the time.
    :param sent_before: whether a run before these sent a row.
    """
    if paused:
        return Status("paused", "The DAG is paused: no run starts by itself.")
    ended = [run for run in runs if not run.running and run.state not in ("skipped", "removed")]
    if ended and ended[0].state in FAILED_STATES:
        count = next((number for number, run in enumerate(ended) if run.state not in FAILED_STATES), len(ended))
        return Status("failed", "The last run failed." if count == 1 else f"The last {count} runs failed.")
    real = [run for run in ended if run.real]
    if quiet := _quiet(real, sent_before):
        return quiet
    if due is not None and now - due > GRACE and not any(run.running for run in runs):
        return Status("late", "The next run was due and has not started: is the scheduler running?")
    counters = real[0].counters if real else None
    if counters is not None and counters.refused:
        rows = "row was" if counters.refused == 1 else "rows were"
        return Status("refusing", f"{counters.refused:,} {rows} refused in the last run.")
    if any(run.running for run in runs):
        return Status("running", "A run is going on.")
    return Status("ok", "The last run succeeded.") if ended else Status("new", "It has not run yet.")


def _quiet(real: Sequence[Run], sent_before: bool) -> Status | None:
    """Return a status for a sync that succeeds without sending: it reads nothing, or has stopped sending."""
    counters = [run.counters for run in real if run.counters is not None]
    if not counters:
        return None
    if not counters[0].read:
        count = next((number for number, one in enumerate(counters) if one.read), len(counters))
        runs = "The last run" if count == 1 else f"The last {count} runs"
        return Status("empty", f"{runs} succeeded, but the model had no rows.")
    count = next((number for number, one in enumerate(counters) if one.sent), len(counters))
    if SILENT_RUNS <= count < len(counters):
        return Status("silent", f"The last {count} runs sent nothing; before that, rows were sent.")
    if count >= SILENT_RUNS and sent_before:
        return Status("silent", f"At least the last {count} runs sent nothing; before that, rows were sent.")
    return None
