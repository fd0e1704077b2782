"""
The last runs of all syncs, as the list has them.

No index leads to the last runs of a DAG on PostgreSQL, and a run that has ended stays as it is. So what was read is
kept, and afterwards only what is new is read.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow.models.dagrun import DagRun
from sqlalchemy import BindParameter, bindparam, func, select, type_coerce
from sqlalchemy.types import NullType

from airflow_provider_heap.ui.metadata import LARGE_PAGE, SyncDag, pages, runs_at
from airflow_provider_heap.ui.status import Run

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

#: DAGs whose last runs are looked up at a time.
_PAGE = 100
#: Seconds after which the last runs of all DAGs are looked up anew: some may have been deleted.
_KEPT = 300.0
#: Runs get their numbers before they can be seen, and not in that order; so many newer ones may overtake one.
_OVERTAKEN = 1000
_ENDED = ("success", "failed")


@dataclass(frozen=True)
class _KnownRuns:
    """
    Which runs of DAGs are the last.

    :param newest: the number of the newest run of all DAGs.
    :param ids: the numbers of the last runs of each DAG, the newest first.
    :param until: when to look them up anew, by the monotonic clock.
    """

    newest: int = 0
    ids: Mapping[str, list[int]] = field(default_factory=dict)
    until: float = float("-inf")


@dataclass(frozen=True)
class _EndedRun:
    """
    What is kept of a DAG run that has ended.

    :param changed: when the DAG run last changed, as the database says it: again when a task of it is cleared.
    :param runs: its runs of syncs by task ID.
    """

    changed: Any
    runs: Mapping[str, Run]


class LastRunReader:
    """
    Read the last runs of syncs.

    Runs that were deleted make room for earlier ones: the newest at once, others after a while. What somebody changes
    in the XComs of a run that has ended is not seen here.

    Several threads may use it: ``_known`` and ``_ended`` are replaced as a whole, and two threads at worst read the
    same runs twice.

    :param count: how many runs of each sync.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._known = _KnownRuns()
        self._ended: Mapping[int, _EndedRun] = {}

    def read(self, session: Session, dags: Sequence[SyncDag]) -> dict[tuple[str, str], list[Run]]:
        """
        Read the last runs of syncs: states and counters, without what a list has no room for.

        :param session: of Airflow's database.
        :param dags: the DAGs of the syncs.
        :return: for each DAG ID and task ID the runs, the newest first.
        """
        ids = self._last_ids(session, [dag.dag_id for dag in dags])
        task_ids = {dag.dag_id: [task.task_id for task in dag.tasks] for dag in dags}
        by_id: dict[int, Mapping[str, Run]] = {}
        for page in pages(dags, LARGE_PAGE):
            by_id.update(self._read(session, [number for dag in page for number in ids[dag.dag_id]], page))
        runs: dict[tuple[str, str], list[Run]] = {}
        for dag_id, names in task_ids.items():
            for name in names:
                if some := [run for number in ids[dag_id] if (run := by_id.get(number, {}).get(name)) is not None]:
                    runs[dag_id, name] = some
        return runs

    def _read(self, session: Session, numbers: Sequence[int], dags: Sequence[SyncDag]) -> dict[int, Mapping[str, Run]]:
        """Return the runs of syncs in some DAG runs by these and their task ID; only new ones are read."""
        states = _states(session, numbers)
        kept = self._ended
        unchanged = {
            number: ended.runs
            for number, (_, changed) in states.items()
            if (ended := kept.get(number)) is not None and ended.changed == changed
        }
        task_ids = {task.task_id for dag in dags for task in dag.tasks}
        read: dict[int, dict[str, Run]] = {number: {} for number in states if number not in unchanged}
        if read:
            for (_, task_id), run in runs_at(session, read, task_ids, details=False):
                read[run.position][task_id] = run
            new = {number: _EndedRun(states[number][1], runs) for number, runs in read.items() if states[number][0]}
            current = {number for ids in self._known.ids.values() for number in ids}
            self._ended = {number: ended for number, ended in {**kept, **new}.items() if number in current}
        return unchanged | read

    def _last_ids(self, session: Session, dag_ids: Sequence[str]) -> dict[str, list[int]]:
        known = self._known
        if time.monotonic() > known.until:
            newest = session.scalar(select(func.max(DagRun.id))) or 0
            known = _KnownRuns(newest, {}, time.monotonic() + _KEPT)
        seen_again = known.newest - _OVERTAKEN
        newest, recent = known.newest, dict[str, set[int]]()
        for row in session.execute(select(DagRun.id, DagRun.dag_id).where(DagRun.id > seen_again)):
            newest = max(newest, row.id)
            recent.setdefault(row.dag_id, set()).add(row.id)
        ids = {}
        for dag_id, before in known.ids.items():
            now = recent.get(dag_id, set())
            if all(number in now for number in before if number > seen_again):  # otherwise, runs were deleted
                ids[dag_id] = sorted(now.union(before), reverse=True)[: self._count] if now else before
        for page in pages([dag_id for dag_id in dag_ids if dag_id not in ids], _PAGE):
            ids.update({dag_id: [] for dag_id in page})
            for row in session.execute(_last_of_all(page, self._count)):
                ids[row.dag_id].append(row.id)
        self._known = _KnownRuns(newest, ids, known.until)
        return ids


def _states(session: Session, numbers: Sequence[int]) -> dict[int, tuple[bool, Any]]:
    """Return the DAG runs that still are there: whether each has ended, and when it last changed."""
    # Written into the query: databases take fewer parameters than there may be runs.
    wanted: BindParameter[Any] = bindparam("numbers", list(numbers), expanding=True, literal_execute=True)
    # What the driver returns will do to compare it with, and there are thousands.
    changed = type_coerce(DagRun.updated_at, NullType())
    query = select(DagRun.id, DagRun.state, changed).where(DagRun.id.in_(wanted))
    return {number: (state in _ENDED, when) for number, state, when in session.connection().execute(query)}


def _last_of_all(dag_ids: Collection[str], count: int) -> Any:
    """Return the query of the numbers of the last runs of DAGs, among all their runs."""
    place = func.row_number().over(partition_by=DagRun.dag_id, order_by=DagRun.id.desc())
    numbered = select(DagRun.id, DagRun.dag_id, place.label("place")).where(DagRun.dag_id.in_(dag_ids)).subquery()
    return select(numbered.c.id, numbered.c.dag_id).where(numbered.c.place <= count).order_by(numbered.c.id.desc())
