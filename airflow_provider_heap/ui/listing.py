"""All syncs with their last runs: the first thing that the page shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from airflow_provider_heap.ui.counters import Target, newest_facts
from airflow_provider_heap.ui.earlier_runs import LastSentReader
from airflow_provider_heap.ui.last_runs import LastRunReader
from airflow_provider_heap.ui.metadata import SyncDag, read_runs
from airflow_provider_heap.ui.status import ORDER, Run, Status, status_of
from airflow_provider_heap.ui.sync_tasks import SyncTask

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

#: Runs of each sync that the list shows as bars.
BARS = 20


class Bar(msgspec.Struct, array_like=True):
    """A run as a bar of the list; an array, because there are thousands of them."""

    run_id: str
    state: str | None
    read: int | None
    done: int
    unchanged: int
    refused: int
    dry_run: bool


class ListedSync(msgspec.Struct, kw_only=True):
    """
    A sync of the list.

    :param dag_id: its DAG.
    :param task_id: its task.
    :param name: the sync's name as the last run said it; empty when none did.
    :param object_name: what it writes.
    :param model: its model in a word.
    :param mapped: whether it is mapped.
    :param connection: the Airflow connection that it writes with.
    :param target: where the last run wrote to; None when it said nothing.
    :param schedule: of its DAG, in words.
    :param paused: whether its DAG is paused.
    :param status: how it is doing.
    :param last_at: when the last run began, or is to begin.
    :param last_sent: when a run last sent a row.
    :param bars: the last runs, the oldest first.
    """

    dag_id: str
    task_id: str
    name: str
    object_name: str | None
    model: str
    mapped: bool
    connection: str
    target: Target | None
    schedule: str
    paused: bool
    status: Status
    last_at: datetime | None = None
    last_sent: datetime | None = None
    bars: list[Bar]


class ListReader:
    """
    Read all syncs with their last runs. Several threads may use it, as they may its parts.

    :param last_sent: knows when syncs last sent a row.
    """

    def __init__(self, last_sent: LastSentReader) -> None:
        self._last_runs = LastRunReader(BARS)
        self._last_sent = last_sent

    def read(self, session: Session, dags: Sequence[SyncDag], now: datetime) -> list[ListedSync]:
        """
        Return all syncs, those that need a look first.

        :param session: of Airflow's database.
        :param dags: the DAGs of the syncs.
        :param now: the time.
        """
        runs = self._last_runs.read(session, dags)
        last = {key: some[0].position for key, some in runs.items()}
        sent = {key: run.position for key, some in runs.items() if (run := _last_that_sent(some))}
        silent = {key: some[-1].position for key, some in runs.items() if key not in sent and len(some) == BARS}
        earlier = self._last_sent.read(session, silent)
        syncs = [
            _listed(dag, task, runs.get(key := (dag.dag_id, task.task_id), []), now, sent_before=key in earlier)
            for dag in dags
            for task in dag.tasks
        ]
        sent |= earlier
        details = read_runs(session, {(*key, position) for places in (last, sent) for key, position in places.items()})
        for sync in syncs:
            key = sync.dag_id, sync.task_id
            if run := details.get((*key, last.get(key, 0))):
                sync.last_at = run.start or run.run_after
            if run := details.get((*key, sent.get(key, 0))):
                sync.last_sent = run.end or run.start or run.run_after
        return sorted(syncs, key=lambda sync: (ORDER.index(sync.status.name), sync.dag_id, sync.task_id))


def _last_that_sent(runs: Sequence[Run]) -> Run | None:
    return next((run for run in runs if run.counters and run.counters.sent), None)


def _listed(dag: SyncDag, task: SyncTask, runs: list[Run], now: datetime, *, sent_before: bool) -> ListedSync:
    facts = newest_facts(run.counters for run in runs)
    return ListedSync(
        dag_id=dag.dag_id,
        task_id=task.task_id,
        name=facts.name if facts else "",
        object_name=(facts.object if facts else "") or task.object_name,
        model=task.model,
        mapped=task.mapped,
        connection=str(task.settings.get("heap_conn_id") or ""),
        target=facts.target if facts else None,
        schedule=dag.schedule,
        paused=dag.paused,
        status=status_of(runs, paused=dag.paused, due=dag.due, now=now, sent_before=sent_before),
        bars=[_bar(run) for run in reversed(runs)],
    )


def _bar(run: Run) -> Bar:
    counters = run.counters
    if counters is None:
        return Bar(run.run_id, run.state, None, 0, 0, 0, dry_run=False)
    dry = counters.would_send is not None
    done = counters.would_send or 0 if dry else counters.sent
    return Bar(run.run_id, run.state, counters.read, done, counters.unchanged, counters.refused, dry_run=dry)
