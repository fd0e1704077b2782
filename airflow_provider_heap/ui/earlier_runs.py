"""
Look further back than the runs of the list: when a sync last sent a row, and what it refused on each of the last days.

Databases search the XComs for it, so that only those are read that matter.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from airflow.models.dagrun import DagRun
from airflow.models.xcom import XComModel
from sqlalchemy import ColumnElement, Text, and_, cast, select

from airflow_provider_heap.ui.counters import read_counters
from airflow_provider_heap.ui.metadata import KEYS, SyncDag

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

#: A sync: DAG ID and task ID.
Key = tuple[str, str]

#: Runs of a sync that are searched, beside those of the list.
_SEARCHED = 480
#: Syncs that are searched for one answer. The others are for the next one.
_AT_ONCE = 20
#: Runs with refused rows that are read for one answer.
_MAX_REFUSALS = 10_000

_VALUE = cast(XComModel.value, Text)


class _Search(NamedTuple):
    """
    What was searched of a sync.

    :param before: only runs before this position.
    :param last_sent: the position of the last of them that sent a row; None when none did.
    """

    before: int = 0
    last_sent: int | None = None


class LastSentReader:
    """
    Find the last run that sent a row, among the runs before those of the list. What was read is kept.

    Several threads may use it: entries of ``_known`` are replaced as a whole, and two threads at worst search the same
    runs twice.
    """

    def __init__(self) -> None:
        self._known: dict[Key, _Search] = {}

    def read(self, session: Session, before: Mapping[Key, int]) -> dict[Key, int]:
        """
        Find the last runs that sent a row.

        :param session: of Airflow's database.
        :param before: the syncs, and the position before which their runs are searched.
        :return: the positions of the runs, for the syncs that have one.
        """
        left = _AT_ONCE
        for key, position in before.items():
            known = self._known.get(key, _Search())
            if known.before < position and left:
                left -= 1
                newer = _last_that_sent(session, key, known.before, position)
                self._known[key] = _Search(position, newer or known.last_sent)
        return {key: run for key in before if (run := self._known.get(key, _Search()).last_sent) is not None}


def _last_that_sent(session: Session, key: Key, first: int, before: int) -> int | None:
    dag_id, task_id = key
    ids = (
        select(DagRun.id)
        .where(DagRun.dag_id == dag_id, DagRun.id >= first, DagRun.id < before)
        .order_by(DagRun.id.desc())
        .limit(_SEARCHED)
    )
    run_ids = list(session.scalars(ids))
    if not run_ids:
        return None
    newest = (
        select(XComModel.dag_run_id, _VALUE)
        .where(
            XComModel.dag_run_id.in_(run_ids),
            XComModel.task_id == task_id,
            XComModel.key.in_(KEYS),
            _has(session, "sent", but_not="0"),
        )
        .order_by(XComModel.dag_run_id.desc())
        .limit(1)
    )
    for position, value in session.execute(newest):
        if (counters := read_counters(value)) is not None and counters.sent:
            return int(position)
    return None


def _has(session: Session, entry: str, *, but_not: str) -> ColumnElement[bool]:
    """Return the condition that an XCom has an entry, with another value. It may still be anything else."""
    if session.get_bind().dialect.name == "sqlite":
        # Its functions for JSON fail when one of the texts is not JSON.
        return and_(_VALUE.like(f'%"{entry}": %'), _VALUE.not_like(f'%"{entry}": {but_not},%'))
    # PostgreSQL takes far longer to write the text of a value.
    other: ColumnElement[bool] = XComModel.value[entry].as_string() != but_not
    return other


class RefusedByDay(msgspec.Struct, array_like=True):
    """
    How many rows of a sync did not arrive.

    :param dag_id: its DAG.
    :param task_id: its task.
    :param counts: for each of the days.
    """

    dag_id: str
    task_id: str
    counts: list[int]


def count_refused(session: Session, dags: Sequence[SyncDag], starts: Sequence[datetime]) -> list[RefusedByDay]:
    """
    Count the rows that did not arrive, by the day on which their run was due.

    :param session: of Airflow's database.
    :param dags: the DAGs of the syncs.
    :param starts: when each of the days began, the earliest first.
    :return: the syncs with such rows.
    """
    task_ids = {dag.dag_id: {task.task_id for task in dag.tasks} for dag in dags}
    query = (
        select(
            DagRun.id, DagRun.dag_id, DagRun.run_after, XComModel.task_id, XComModel.map_index, _VALUE.label("value")
        )
        .join(XComModel, XComModel.dag_run_id == DagRun.id)
        .where(
            DagRun.run_after >= starts[0],
            DagRun.dag_id.in_(task_ids),
            XComModel.key.in_(KEYS),
            _has(session, "reasons", but_not="{}"),
        )
        # What a run returned is newer than what an earlier failure of it left.
        .order_by(DagRun.id.desc(), XComModel.key.desc())
        .limit(_MAX_REFUSALS)
    )
    counts: dict[Key, list[int]] = {}
    seen: set[tuple[Any, ...]] = set()
    for row in session.connection().execute(query):
        instance = row.id, row.task_id, row.map_index
        if row.task_id not in task_ids[row.dag_id] or instance in seen:
            continue
        seen.add(instance)
        if (counters := read_counters(row.value)) is not None and counters.refused:
            days = counts.setdefault((row.dag_id, row.task_id), [0] * len(starts))
            days[bisect_right(starts, row.run_after) - 1] += counters.refused
    return [RefusedByDay(*key, days) for key, days in sorted(counts.items())]
