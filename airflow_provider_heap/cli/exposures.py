"""``airflow heap exposures``: syncs of dbt models as exposures for the dbt project."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import yaml
from airflow.configuration import conf

from airflow_provider_heap.cli.dags import all_dags, find_dag, sync_ids
from airflow_provider_heap.cli.tasks import command, render
from airflow_provider_heap.models.dbt import DbtModel

if TYPE_CHECKING:
    from airflow.sdk import DAG


@command
def exposures(args: Namespace) -> None:
    """
    Print a dbt exposure for each sync whose model is a ``DbtModel``
    (https://docs.getdbt.com/reference/exposure-properties).

    :param args: of the command line.
    """
    entries, failed = [], False
    for dag in [find_dag(args.dag_id)] if args.dag_id else all_dags():
        for task_id in sync_ids(dag):
            try:
                models = list(_models(dag, task_id))
                if models:
                    entries.append(_exposure(dag, task_id, models))
            except Exception as error:
                # A template may raise anything. One sync that fails must not hide the others.
                failed = True
                print(f"{dag.dag_id}.{task_id} is left out: {error}", file=sys.stderr)
    if entries:
        print(yaml.safe_dump({"version": 2, "exposures": entries}, sort_keys=False, allow_unicode=True), end="")
    else:
        print("No sync of a dbt model was found.", file=sys.stderr)
    if failed:
        sys.exit(1)


def _models(dag: DAG, task_id: str) -> Iterator[DbtModel]:
    """Yield the dbt models of a task, rendered if they need to be; a mapped task may have several."""
    task: Any = dag.get_task(task_id)
    if task.is_mapped:
        given = getattr(task.expand_input, "value", None)
        listed = given.get("model") if isinstance(given, dict) else None
        models = [task.partial_kwargs.get("model"), *(listed if isinstance(listed, list) else [])]
    else:
        models = [task.model]
    for model in models:
        if isinstance(model, DbtModel):
            yield render(dag, task_id)[0].model if "{{" in repr(model) and not task.is_mapped else model


def _exposure(dag: DAG, task_id: str, models: list[DbtModel]) -> dict[str, Any]:
    task: Any = dag.get_task(task_id)
    operator = task.operator_class if task.is_mapped else type(task)
    full_id = f"{dag.dag_id}.{task_id}"
    what = f"{operator.heap_object.name}s"
    exposure = {
        # dbt allows letters, digits and underscores.
        "name": re.sub(r"\W", "_", full_id),
        "label": f"Heap {what} ({full_id})",
        "type": "application",
        "description": f"The Airflow task {full_id} syncs it to Heap as {what}.",
        "depends_on": list(dict.fromkeys(model.reference() for model in models)),
        "owner": {"name": str(task.owner)},
    }
    if url := conf.get("api", "base_url", fallback=""):
        exposure["url"] = f"{url.rstrip('/')}/dags/{dag.dag_id}"
    return exposure
