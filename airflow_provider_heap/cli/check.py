"""``airflow heap check``: does the mapping still fit the query? For CI: no sync runs, and no row is read."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from airflow.exceptions import AirflowNotFoundException  # type: ignore[attr-defined]

from airflow_provider_heap.api.objects import FieldKind
from airflow_provider_heap.cli.dags import NotFoundError, all_dags, check_task, find_dag, parse_error, sync_ids
from airflow_provider_heap.cli.preview_table import printable
from airflow_provider_heap.cli.tasks import command, render, run_of
from airflow_provider_heap.exceptions import HeapError
from airflow_provider_heap.models.column_types import type_kind
from airflow_provider_heap.operators.sync import HeapSyncOperator
from airflow_provider_heap.wording import counted


@command
def check(args: Namespace) -> None:
    """Print what is wrong with the syncs of a DAG, or of all DAGs, and fail if anything is."""
    results = list(_check_dag(args) if args.dag_id else _check_all(args))
    if args.strict:
        for result in results:
            result["problems"] += [f"column {name!r} is not mapped" for name in result["unmapped"]]
    names_dags = args.dag_id is None
    print(json.dumps(results, ensure_ascii=False, indent=2) if args.output == "json" else _text(results, names_dags))
    if any(result["problems"] for result in results):
        raise SystemExit(1)


def _check_dag(args: Namespace) -> Iterator[dict[str, Any]]:
    dag, run = find_dag(args.dag_id), run_of(args)
    if args.task_id:
        check_task(dag, args.task_id)
    tasks = [args.task_id] if args.task_id else sync_ids(dag)
    if not tasks:
        raise NotFoundError(f"DAG {args.dag_id!r} has no sync to Heap.")
    for task_id in tasks:
        yield _check(dag, task_id, run)


def _check_all(args: Namespace) -> Iterator[dict[str, Any]]:
    """Yield a result for each sync of all DAGs, and for each file that can't be parsed."""
    run, count, broken = run_of(args), 0, dict[str, str]()
    for dag in all_dags(broken):
        for task_id in sync_ids(dag):
            yield _check(dag, task_id, run)
            count += 1
    for file in broken.items():
        yield {**_result(None, file[0]), "problems": [parse_error(file)]}
    if not count and not broken:
        raise NotFoundError("No DAG in the DAG bundles has a sync to Heap.")


def _result(dag_id: str | None, task: str) -> dict[str, Any]:
    """Return a result without findings: of a task, or of a file, which has no DAG."""
    return {"dag": dag_id, "task": task, "columns": [], "unmapped": [], "problems": [], "notes": []}


def _check(dag: Any, task_id: str, run: dict[str, Any]) -> dict[str, Any]:
    result = _result(dag.dag_id, task_id)
    mapped = dag.get_task(task_id).is_mapped
    try:
        try:
            # Of a mapped task the first instance stands for all.
            operator, context = render(dag, task_id, map_index=0 if mapped else -1, **run)
        except Exception:
            if not mapped:
                raise
            result["notes"].append("mapped over values that only a run has: not checked")
            return result
        plan = operator.plan(context)
        if operator.state_conn_id:
            operator.open_store()  # which needs a connection that can hold a table
        _compare(operator, result)
        if plan.compares_in_database:
            operator.comparison(plan).check()
            result["notes"].append(f"rows are compared in the database: a table was made in {operator.diff_schema}")
    except (HeapError, AirflowNotFoundException) as error:
        result["problems"].append(str(error))
    except Exception as error:  # whatever a template, a hook or a database raises
        result["problems"].append(f"{type(error).__name__}: {' '.join(str(error).split())[:500]}")
    return result


def _compare(operator: HeapSyncOperator, result: dict[str, Any]) -> None:
    rows = operator.columns()
    types = rows.types or [None] * len(rows.columns)
    result["columns"] = [
        {"name": name, "type": kind, "fills": []} for name, kind in zip(rows.columns, types, strict=True)
    ]
    mapper = operator.mapping().bind(rows.columns)
    result["unmapped"] = mapper.unused
    for column in result["columns"]:
        column["fills"] = [name for name, origin in mapper.origins.items() if origin == column["name"]]
        result["problems"] += _problems(operator, column)
    if result["columns"] and not any(types):
        result["notes"].append("the driver does not say the types: look at values with airflow heap preview")


def _problems(operator: HeapSyncOperator, column: dict[str, Any]) -> Iterator[str]:
    """Yield why no row with a value in this column could be sent, as far as its type says so."""
    kind, what = type_kind(column["type"]), f"column {column['name']!r} is of type {column['type']}"
    if kind == "binary" and column["fills"]:
        yield (
            f"{what}, which has no JSON form: every row with a value in it would be invalid. Convert it in the query, "
            "or leave it out of properties"
        )
        return
    for field in operator.heap_object.fields:
        if field.name not in column["fills"]:
            continue
        if kind == "number" and field.kind is FieldKind.TIMESTAMP:
            yield (
                f"{what}, and nothing says which unit a number has that is the {field.name}: every row would be "
                "invalid. Convert it in the query, for example with to_timestamp(...)"
            )
        elif kind in ("nested", "boolean"):
            yield f"{what}, which can't be the {field.name}: every row would be invalid. Convert it in the query"


def _text(results: list[dict[str, Any]], names_dags: bool) -> str:
    lines = []
    for result in results:
        name = f"{result['dag']}.{result['task']}" if names_dags and result["dag"] else result["task"]
        lines.append(f"{name}: {'does not fit' if result['problems'] else 'fits'}")
        for column in result["columns"]:
            fills = f" → {', '.join(column['fills'])}" if column["fills"] else ""
            lines.append(f"  {column['name']}{f' ({kind})' if (kind := column['type']) else ''}{fills}")
        lines += [f"  note: column {name!r} is not mapped" for name in result["unmapped"]]
        lines += [f"  note: {note}" for note in result["notes"]]
        lines += [f"  problem: {problem}" for problem in result["problems"]]
    count = sum(len(result["problems"]) for result in results)
    lines.append(f"{len(results)} checked, {counted(count, 'problem')}")
    return printable("\n".join(lines))
