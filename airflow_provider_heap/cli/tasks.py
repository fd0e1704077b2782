"""Find a sync in a DAG file and render it, for commands. They need Airflow 3.2 or later."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pendulum
from airflow.exceptions import AirflowNotFoundException  # type: ignore[attr-defined]
from airflow.utils.cli import suppress_logs_and_warning

from airflow_provider_heap.exceptions import HeapError
from airflow_provider_heap.operators.heap import HeapSyncOperator

if TYPE_CHECKING:
    from airflow.sdk import DAG, Context


class NotFoundError(Exception):
    """There is no such DAG, or no such sync in it."""


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


def find_dag(dag_id: str) -> DAG:
    """
    Parse the DAG files until a DAG is found.

    :param dag_id: its ID.
    :raises NotFoundError: when there is none, telling which files could not be parsed.
    """
    broken: dict[str, str] = {}
    for bag in _bags(dag_id):
        if dag := bag.dags.get(dag_id):
            return dag  # type: ignore[no-any-return]
        broken.update(bag.import_errors)
    raise NotFoundError(f"There is no DAG {dag_id!r} in the DAG bundles.{''.join(map(_failed, broken.items()))}")


def all_dags() -> Iterator[DAG]:
    """Parse the DAG files and yield their DAGs, ordered by ID; files that cannot be parsed are named on stderr."""
    for bag in _bags(None):
        for broken in bag.import_errors.items():
            print(_failed(broken).strip(), file=sys.stderr)
        yield from (dag for _, dag in sorted(bag.dags.items()))


def _bags(dag_id: str | None) -> Iterator[Any]:
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag
    from airflow.sdk.definitions._internal.dag_parsing_context import _airflow_parsing_context_manager

    for bundle in DagBundlesManager().get_all_dag_bundles():  # type: ignore[no-untyped-call]
        bundle.initialize()
        # What a DAG file prints must not come among a command's output.
        with _airflow_parsing_context_manager(dag_id=dag_id), redirect_stdout(sys.stderr):
            bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
        yield bag


def _failed(broken: tuple[str, str]) -> str:
    file, error = broken
    return f"\n  {file} could not be parsed: {error.strip().splitlines()[-1]}"


def sync_ids(dag: DAG) -> list[str]:
    """
    Return the IDs of a DAG's tasks that are syncs to Heap.

    :param dag: the DAG.
    """
    return [task.task_id for task in dag.tasks if issubclass(_operator_class(task), HeapSyncOperator)]


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
    if task_id not in (found := sync_ids(dag)):
        what = "is not a sync to Heap" if dag.has_task(task_id) else "does not exist"
        raise NotFoundError(f"Task {task_id!r} of DAG {dag.dag_id!r} {what}; its syncs are: {_listed(found)}.")
    task = dag.get_task(task_id)
    if task.is_mapped and map_index < 0:
        raise NotFoundError(f"Task {task_id!r} is mapped: say which instance with --map-index, from 0 on.")
    context = _context(dag, task, logical_date, conf, map_index)
    task.render_template_fields(context)
    operator = context["task"]
    assert isinstance(operator, HeapSyncOperator)
    return operator, context


def _context(
    dag: DAG, task: Any, logical_date: datetime | None, conf: dict[str, Any] | None, map_index: int
) -> Context:
    from airflow.sdk.api.datamodels._generated import DagRun, DagRunState, DagRunType, TaskInstance, TIRunContext
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    from airflow.serialization.serialized_objects import DagSerialization

    date = pendulum.instance(logical_date) if logical_date else pendulum.now("UTC")
    timetable = DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable
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


def _operator_class(task: Any) -> type:
    return task.operator_class if task.is_mapped and isinstance(task.operator_class, type) else type(task)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) or "none"
