"""Render a sync of a DAG file, for commands. They need Airflow 3.2 or later."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pendulum
from airflow.exceptions import AirflowNotFoundException, NotMapped  # type: ignore[attr-defined]
from airflow.models.expandinput import NotFullyPopulated
from airflow.serialization.serialized_objects import DagSerialization
from airflow.utils.cli import suppress_logs_and_warning

from airflow_provider_heap.cli.dags import NotFoundError, check_task, find_dag
from airflow_provider_heap.exceptions import HeapError
from airflow_provider_heap.operators.heap import HeapSyncOperator

if TYPE_CHECKING:
    from airflow.sdk import DAG, Context


def command(function: Callable[[Namespace], None]) -> Callable[[Namespace], None]:
    """
    Make a command of a function: a failure ends it with its message, and no log comes among its output.

    :param function: takes the arguments, and prints; ``-v`` lets the log through.
    """

    @wraps(function)
    def run(args: Namespace) -> None:
        # So that connections in Airflow's own database are found, as Airflow's own commands find them.
        os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
        try:
            suppress_logs_and_warning(function)(args)
        except (NotFoundError, HeapError, AirflowNotFoundException) as error:
            raise SystemExit(str(error)) from None

    return run


def confirm(question: str, otherwise: str) -> None:
    """
    Ask before something is done.

    :param question: what is to be done.
    :param otherwise: what to say when it is not wanted, or nobody is there to answer.
    :raises SystemExit: when it is not wanted.
    """
    print(f"{question} (y/n)")
    try:
        answer = input()
    except EOFError:
        answer = ""
        otherwise = f"{otherwise} There is nobody to answer: give -y to go on without being asked."
    if answer.strip().lower() not in ("y", "yes"):
        raise SystemExit(otherwise)


def rendered(args: Namespace) -> tuple[HeapSyncOperator, Context]:
    """
    Return the sync that a command names, rendered for the run that it names.

    :param args: ``dag_id``, ``task_id``, ``logical_date``, ``conf`` and ``map_index``.
    :raises NotFoundError: when there is no such sync, or an argument can't be read.
    """
    return render(find_dag(args.dag_id), args.task_id, map_index=args.map_index, **run_of(args))


def run_of(args: Namespace) -> dict[str, Any]:
    """
    Return the run that templates are rendered for.

    :param args: ``logical_date`` and ``conf``, as they were typed.
    :raises NotFoundError: when one can't be read.
    """
    try:
        date = pendulum.parse(args.logical_date) if args.logical_date else None
        if not isinstance(date, datetime | None):
            raise ValueError
    except ValueError:
        raise NotFoundError(f"--logical-date must be ISO 8601; found {args.logical_date!r}.") from None
    try:
        conf = json.loads(args.conf or "{}")
    except ValueError as error:
        raise NotFoundError(f"--conf must be JSON: {error}.") from None
    return {"logical_date": date, "conf": conf}


def render(
    dag: DAG,
    task_id: str,
    *,
    logical_date: datetime | None = None,
    conf: dict[str, Any] | None = None,
    map_index: int = -1,
) -> tuple[HeapSyncOperator, Context]:
    """
    Return a task as it would be executed, and the context to do so; nothing is written to Airflow's database.

    :param dag: its DAG.
    :param task_id: its ID.
    :param logical_date: of the run; now when not given.
    :param conf: of the run.
    :param map_index: which of the instances of a mapped task.
    :raises NotFoundError: when the DAG has no such sync, or the instance is not named.
    """
    check_task(dag, task_id)
    task = dag.get_task(task_id)
    serialized = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    count = _check_map_index(serialized.get_task(task_id), map_index)
    context = _context(dag, task, serialized.timetable, logical_date, conf, map_index)
    try:
        task.render_template_fields(context)
    except Exception as error:
        if map_index < 0 or count is not None:
            raise
        raise NotFoundError(
            f"Task {task_id!r} is mapped over values that only a run has, such as the result of another task, so it "
            f"can't be rendered before ({type(error).__name__}: {error})."
        ) from error
    operator = context["task"]
    assert isinstance(operator, HeapSyncOperator)
    return operator, context


def _check_map_index(task: Any, map_index: int) -> int | None:
    """
    Return how many instances a serialized task has; None when only a run knows it.

    :raises NotFoundError: when it has no such instance.
    """
    try:
        count = task.get_parse_time_mapped_ti_count()
    except NotMapped:
        if map_index >= 0:
            raise NotFoundError(f"Task {task.task_id!r} is not mapped: leave --map-index out.") from None
        return 1
    except NotFullyPopulated:
        count = None
    instances = "from 0 on" if count is None else f"0 to {count - 1}" if count > 1 else "0"
    if map_index < 0 and task.is_mapped:
        raise NotFoundError(f"Task {task.task_id!r} is mapped: say which instance with --map-index, {instances}.")
    if count is not None and map_index >= count:
        times = f"{count} time{'' if count == 1 else 's'}{f': {instances}' if count else ''}"
        raise NotFoundError(f"Task {task.task_id!r} has no --map-index {map_index}: it is mapped {times}.")
    return count  # type: ignore[no-any-return]


def _context(
    dag: DAG,
    task: Any,
    timetable: Any,
    logical_date: datetime | None,
    conf: dict[str, Any] | None,
    map_index: int,
) -> Context:
    from airflow.sdk.api.datamodels._generated import DagRun, DagRunState, DagRunType, TaskInstance, TIRunContext
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    date = pendulum.instance(logical_date) if logical_date else pendulum.now("UTC")
    interval = timetable.infer_manual_data_interval(run_after=date)
    run_id = f"manual__{date.isoformat()}"
    instance = TaskInstance(
        id=uuid4(), task_id=task.task_id, dag_id=dag.dag_id, run_id=run_id, try_number=1, dag_version_id=uuid4()
    )
    run = DagRun(
        dag_id=dag.dag_id,
        run_id=run_id,
        logical_date=date,
        data_interval_start=interval.start,
        data_interval_end=interval.end,
        run_after=date,
        start_date=date,
        end_date=None,
        run_type=DagRunType.MANUAL,
        state=DagRunState.RUNNING,
        conf=conf or {},
        consumed_asset_events=[],
        partition_key=None,
    )
    ti = RuntimeTaskInstance.model_construct(
        **{**instance.model_dump(), "map_index": map_index},
        task=task,
        start_date=date,
        _ti_context_from_server=TIRunContext(dag_run=run, max_tries=0),
    )
    context: Context = ti.get_template_context()
    return context
