"""Find DAGs in the DAG files, and the syncs in them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from textwrap import indent
from typing import TYPE_CHECKING, Any

from airflow_provider_heap.operators.heap import HeapSyncOperator
from airflow_provider_heap.wording import did_you_mean

if TYPE_CHECKING:
    from airflow.sdk import DAG

#: DAGs that a message lists.
MAX_LISTED = 10


class NotFoundError(Exception):
    """There is no such DAG, or no such sync in it; or an argument can't be read."""


def find_dag(dag_id: str) -> DAG:
    """
    Parse the DAG files until a DAG is found.

    :param dag_id: its ID.
    :raises NotFoundError: when there is none, with the name that is most like it, and the errors of files that could
        not be parsed.
    """
    broken: dict[str, str] = {}
    names: set[str] = set()
    for bag in _bags(dag_id):
        if dag := bag.dags.get(dag_id):
            return dag  # type: ignore[no-any-return]
        names.update(bag.dags)
        broken.update(bag.import_errors)
    message = f"There is no DAG {dag_id!r} in the DAG bundles.{did_you_mean(dag_id, names) or _those_there_are(names)}"
    raise NotFoundError("\n".join([message, *map(parse_error, broken.items())]))


def all_dags(broken: dict[str, str] | None = None) -> Iterator[DAG]:
    """
    Parse the DAG files and yield their DAGs, ordered by ID.

    :param broken: receives the errors of files that cannot be parsed, by file; they are printed on stderr when not
        given.
    """
    for bag in _bags(None):
        if broken is None:
            for error in bag.import_errors.items():
                print(parse_error(error), file=sys.stderr)
        else:
            broken.update(bag.import_errors)
        yield from (dag for _, dag in sorted(bag.dags.items()))


def parse_error(broken: tuple[str, str]) -> str:
    """
    Return what is wrong with a file that could not be parsed: all that Airflow says.

    :param broken: the file, and the error.
    """
    file, error = broken
    return f"{file} could not be parsed:\n{indent(error.strip(), '    ')}"


def sync_ids(dag: DAG) -> list[str]:
    """
    Return the IDs of a DAG's tasks that are syncs to Heap.

    :param dag: the DAG.
    """
    return [task.task_id for task in dag.tasks if issubclass(_operator_class(task), HeapSyncOperator)]


def check_task(dag: DAG, task_id: str) -> None:
    """
    Do nothing, or say that a task is not a sync.

    :param dag: its DAG.
    :param task_id: its ID.
    :raises NotFoundError: when the DAG has no such sync, naming those that it has.
    """
    names = sync_ids(dag)
    if task_id in names:
        return
    what = "is not a sync to Heap" if dag.has_task(task_id) else "does not exist"
    meant = "" if dag.has_task(task_id) else did_you_mean(task_id, names)
    raise NotFoundError(f"Task {task_id!r} of DAG {dag.dag_id!r} {what}; its syncs are: {_listed(names)}.{meant}")


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


def _operator_class(task: Any) -> type:
    return task.operator_class if task.is_mapped and isinstance(task.operator_class, type) else type(task)


def _those_there_are(names: set[str]) -> str:
    if not names:
        return " There is none in them."
    more = f" and {len(names) - MAX_LISTED:,} more" if len(names) > MAX_LISTED else ""
    return f" There are: {_listed(sorted(names)[:MAX_LISTED])}{more}."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) or "none"
