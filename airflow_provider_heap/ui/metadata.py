"""
Read DAGs, runs and XComs from Airflow's database, for the page. It only reads.

Airflow promises nothing about these tables, so only this module, :mod:`.last_runs` and :mod:`.earlier_runs` know them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import BindParameter, Text, and_, bindparam, cast, func, null, select

from airflow_provider_heap.ui.counters import add_up, read_counters
from airflow_provider_heap.ui.status import RUNNING_STATES, Run, combine_states
from airflow_provider_heap.ui.sync_tasks import SyncTask, find_sync_tasks

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

#: A run that succeeded returns its counters; one that failed pushes them under this key.
KEYS = ("return_value", "report")
T = TypeVar("T")

#: DAGs that are read at a time, and DAGs or runs whose instances are.
_PAGE = 100
LARGE_PAGE = 1000


@dataclass(frozen=True)
class SyncDag:
    """
    A DAG with tasks of this package.

    :param dag_id: its ID.
    :param paused: whether it is paused.
    :param schedule: its schedule in words.
    :param due: when its next run is to begin.
    :param tasks: those tasks.
    """

    dag_id: str
    paused: bool
    schedule: str
    due: datetime | None
    tasks: tuple[SyncTask, ...]


def open_session() -> AbstractContextManager[Session]:
    """Open a session of Airflow's database."""
    return create_session(scoped=False)


class SyncDagReader:
    """
    Read which DAGs have tasks of this package. What was read of a DAG is kept until the DAG changes.

    Several threads may use it: entries of ``_tasks`` are replaced as a whole, and two threads at worst read the same
    DAG twice.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, tuple[str, tuple[SyncTask, ...]]] = {}

    def read(self, session: Session, dag_ids: Collection[str]) -> list[SyncDag]:
        """
        Read the DAGs that have tasks of this package.

        :param session: of Airflow's database.
        :param dag_ids: the only ones to look at.
        """
        rows = [row for row in session.execute(_latest_versions(dag_ids)) if row.dag_id in dag_ids]
        changed = [row.id for row in rows if self._tasks.get(row.dag_id, ("",))[0] != row.dag_hash]
        for page in pages(changed):
            for model in session.scalars(select(SerializedDagModel).where(SerializedDagModel.id.in_(page))):
                self._tasks[model.dag_id] = model.dag_hash, tuple(find_sync_tasks(model.data or {}))
            session.expunge_all()
        return [
            SyncDag(row.dag_id, bool(row.is_paused), row.timetable_summary or "", row.next_dagrun_create_after, tasks)
            for row in rows
            if (tasks := self._tasks.get(row.dag_id, ("", ()))[1])
        ]


def _latest_versions(dag_ids: Collection[str]) -> Any:
    newest = select(DagVersion.dag_id, func.max(DagVersion.version_number).label("number")).group_by(DagVersion.dag_id)
    if len(dag_ids) == 1:
        newest = newest.where(DagVersion.dag_id.in_(dag_ids))
    latest = newest.subquery()
    return (
        select(
            DagModel.dag_id,
            DagModel.is_paused,
            DagModel.timetable_summary,
            DagModel.next_dagrun_create_after,
            SerializedDagModel.id,
            SerializedDagModel.dag_hash,
        )
        .join(latest, latest.c.dag_id == DagModel.dag_id)
        .join(
            DagVersion,
            and_(DagVersion.dag_id == latest.c.dag_id, DagVersion.version_number == latest.c.number),
        )
        .join(SerializedDagModel, SerializedDagModel.dag_version_id == DagVersion.id)
        .where(DagModel.is_stale.is_(False))
        .order_by(DagModel.dag_id)
    )


def read_runs(session: Session, keys: Collection[tuple[str, str, int]]) -> dict[tuple[str, str, int], Run]:
    """
    Read some runs with all that is known of them.

    :param session: of Airflow's database.
    :param keys: DAG ID, task ID and position of each run.
    :return: the runs by these.
    """
    by_position: dict[tuple[str, str, int], Run] = {}
    for page in pages(sorted(keys), LARGE_PAGE):
        runs = runs_at(session, {position for _, _, position in page}, {task_id for _, task_id, _ in page})
        by_position.update(((*key, run.position), run) for key, run in runs)
    return by_position


def runs_at(
    session: Session, positions: Iterable[int], task_ids: Collection[str], *, details: bool = True
) -> Iterator[tuple[tuple[str, str], Run]]:
    """
    Read runs of some tasks, each with DAG ID and task ID; the newest of a task first.

    :param session: of Airflow's database.
    :param positions: of the runs.
    :param task_ids: the tasks.
    :param details: whether times and the like are read; the list has no room for them.
    """
    return _runs(_read(session, _instances_of(positions, task_ids, details=details)))


def read_history(
    session: Session,
    dag_id: str,
    task_id: str,
    *,
    count: int,
    before: int | None = None,
    due: tuple[datetime | None, datetime | None] = (None, None),
) -> tuple[list[Run], int | None]:
    """
    Read the runs of one sync, the newest first.

    :param session: of Airflow's database.
    :param dag_id: its DAG.
    :param task_id: its task.
    :param count: most runs to read.
    :param before: only runs before this position.
    :param due: only runs that were due from the first of these moments on, and before the second; None for no limit.
    :return: the runs, and the position of the last of them; None when there are no more.
    """
    wanted = select(DagRun.id).where(DagRun.dag_id == dag_id).order_by(DagRun.id.desc()).limit(count + 1)
    if before is not None:
        wanted = wanted.where(DagRun.id < before)
    if due[0] is not None:
        wanted = wanted.where(DagRun.run_after >= due[0])
    if due[1] is not None:
        wanted = wanted.where(DagRun.run_after < due[1])
    ids = list(session.scalars(wanted))
    runs = [run for _, run in runs_at(session, ids[:count], [task_id])]
    return runs, ids[count - 1] if len(ids) > count else None


def read_instances(session: Session, dag_id: str, task_id: str, run_id: str) -> list[Run]:
    """
    Read the instances of a task in one run, in the order of their map index.

    :param session: of Airflow's database.
    :param dag_id: the DAG.
    :param task_id: the task.
    :param run_id: the DAG run.
    """
    query = _instances().where(DagRun.dag_id == dag_id, DagRun.run_id == run_id, TaskInstance.task_id == task_id)
    rows = sorted(_read(session, query), key=lambda row: row.map_index)
    return [_run(list(group)) for _, group in groupby(rows, lambda row: row.map_index)]


class _Instance(NamedTuple):
    """A task instance with its run and one of its XComs: a row of :func:`_instances`."""

    id: int
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    state: str | None
    run_after: datetime | None
    run_type: str | None
    start_date: datetime | None
    end_date: datetime | None
    try_number: int | None
    hostname: str | None
    key: str | None
    value: str | None


def _read(session: Session, query: Any) -> Iterator[_Instance]:
    """Read task instances. SQLAlchemy's own rows take several times as long, and the list has thousands."""
    return map(_Instance._make, session.connection().execute(query))


def _instances_of(positions: Iterable[int], task_ids: Collection[str], *, details: bool = True) -> Any:
    # Written into the query: databases take fewer parameters than there may be runs.
    wanted: BindParameter[Any] = bindparam("positions", list(positions), expanding=True, literal_execute=True)
    return _instances(details=details).where(DagRun.id.in_(wanted), TaskInstance.task_id.in_(task_ids))


def _instances(*, details: bool = True) -> Any:
    """
    Return the query of task instances with their runs and counters; an instance with two XComs has two rows.

    :param details: whether times and the like are read; the list has no room for them.
    """
    more = {
        "run_after": DagRun.run_after,
        "run_type": DagRun.run_type,
        "start_date": TaskInstance.start_date,
        "end_date": TaskInstance.end_date,
        "try_number": TaskInstance.try_number,
        "hostname": TaskInstance.hostname,
    }
    return (
        select(
            DagRun.id,
            DagRun.dag_id,
            DagRun.run_id,
            TaskInstance.task_id,
            TaskInstance.map_index,
            TaskInstance.state,
            *((column if details else null()).label(name) for name, column in more.items()),
            XComModel.key,
            cast(XComModel.value, Text).label("value"),
        )
        .select_from(DagRun)
        .join(TaskInstance, and_(TaskInstance.dag_id == DagRun.dag_id, TaskInstance.run_id == DagRun.run_id))
        .outerjoin(
            XComModel,
            and_(
                XComModel.dag_run_id == DagRun.id,
                XComModel.task_id == TaskInstance.task_id,
                XComModel.map_index == TaskInstance.map_index,
                XComModel.key.in_(KEYS),
            ),
        )
    )


def pages(values: Sequence[T], size: int = _PAGE) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _runs(rows: Iterable[_Instance]) -> Iterator[tuple[tuple[str, str], Run]]:
    """Put the rows of each run of each task together, the newest run first."""
    groups: dict[tuple[str, str, int], list[_Instance]] = {}
    for row in rows:
        groups.setdefault((row.dag_id, row.task_id, row.id), []).append(row)
    for dag_id, task_id, position in sorted(groups, reverse=True):
        yield (dag_id, task_id), _run(groups[dag_id, task_id, position])


def _run(rows: list[_Instance]) -> Run:
    if len(rows) == 1:  # nearly all are; the list has thousands of them
        [row] = rows
        return Run(
            position=row.id,
            run_id=row.run_id,
            run_after=row.run_after,
            run_type=str(row.run_type or ""),
            state=row.state,
            start=row.start_date,
            end=None if row.state in RUNNING_STATES else row.end_date,
            try_number=row.try_number or 0,
            instances=1,
            hostname=row.hostname or "",
            map_index=row.map_index,
            counters=read_counters(row.value),
        )
    instances: dict[int, _Instance] = {}
    for row in rows:
        # What a run returned is newer than what an earlier failure of it left.
        if row.map_index not in instances or row.key == KEYS[0]:
            instances[row.map_index] = row
    first = rows[0]
    states = [row.state for row in instances.values()]
    counters = [one for row in instances.values() if (one := read_counters(row.value)) is not None]
    state = combine_states(states)
    starts = [row.start_date for row in instances.values() if row.start_date]
    ends = [row.end_date for row in instances.values() if row.end_date]
    return Run(
        position=first.id,
        run_id=first.run_id,
        run_after=first.run_after,
        run_type=str(first.run_type or ""),
        state=None if state is None else str(state),
        start=min(starts, default=None),
        end=max(ends, default=None) if not RUNNING_STATES.intersection(states) else None,
        try_number=max(row.try_number or 0 for row in instances.values()),
        instances=len(instances),
        hostname=first.hostname or "",
        map_index=first.map_index if len(instances) == 1 else -1,
        counters=add_up(counters),
    )
