"""``airflow heap preview``: what a sync is about to do, seen before it does it."""

from __future__ import annotations

import json
from argparse import Namespace
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_heap.cli.dags import NotFoundError
from airflow_provider_heap.cli.preview_table import print_preview
from airflow_provider_heap.cli.tasks import command, rendered
from airflow_provider_heap.exceptions import GuardError, TooManyRejectedError
from airflow_provider_heap.models import Model, ReadContext, Rows
from airflow_provider_heap.operators.sync import HeapSyncOperator
from airflow_provider_heap.sync.mapping.mapper import RowMapper
from airflow_provider_heap.sync.plan import RunMode
from airflow_provider_heap.sync.run import SyncRun

if TYPE_CHECKING:
    from airflow.sdk import Context

#: Rows that sample values are taken from, and how many values are shown of each property.
SAMPLED_ROWS = 1000
SAMPLES = 3


@command
def preview(args: Namespace) -> None:
    """Print what a sync would do, with all rows or with that of one key; nothing is sent unless ``--send`` says so."""
    if args.rows < 1:
        raise NotFoundError(f"--rows must be at least 1; found {args.rows}.")
    operator, context = rendered(args)
    if args.key is not None:
        from airflow_provider_heap.cli.one_row import preview_row

        preview_row(args, operator, context)
        return
    if args.send or args.event:
        raise NotFoundError("--send and --event need --key: say which row with --key KEY.")
    result = build_preview(operator, context, None if args.all else args.rows)
    if args.output == "json":
        print(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        print_preview(result)


class _WarningCollector:
    """Keep what the log of a run would warn of."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def info(self, message: Any, /, *args: Any) -> None:
        """Drop what is not a surprise."""

    def warning(self, message: Any, /, *args: Any) -> None:
        """Keep a warning."""
        self.warnings.append(str(message) % args if args else str(message))


class _RowSampler:
    """
    A model that reads another one, to its end or to a number of rows, and keeps the first rows and the types of values.

    :param limit: rows to read; None for all.
    """

    def __init__(self, limit: int | None) -> None:
        self.columns: Sequence[str] = ()
        self.rows: Sequence[Sequence[Any]] = ()
        self.types: dict[str, dict[str, None]] = defaultdict(dict)
        #: The database's name for the type of a column, where it is known.
        self.declared_types: dict[str, str] = {}
        #: Whether the model was read to its end.
        self.complete = True
        self._model: Model | None = None
        self._limit = limit

    def wrap(self, model: Model) -> Model:
        """
        Return this, as a model around another one.

        :param model: the model that is read.
        """
        self._model = model
        return self

    @contextmanager
    def open(self, context: ReadContext) -> Iterator[Rows]:
        """
        Open the model.

        :param context: what it needs to read its rows.
        """
        if self._limit is not None:
            # One row more than the limit says whether the model has more.
            context = replace(context, fetch_size=min(context.fetch_size, self._limit + 1))
        assert self._model is not None
        with self._model.open(context) as rows:
            self.columns = rows.columns
            self.declared_types = {name: kind for name, kind in zip(rows.columns, rows.types, strict=False) if kind}
            yield replace(rows, chunks=self._read(rows))

    def _read(self, rows: Rows) -> Iterator[Sequence[Sequence[Any]]]:
        left = self._limit
        for chunk in rows.chunks:
            if left is not None and len(chunk) > left:
                self.complete, chunk = False, chunk[:left]
            if chunk:
                self._sample(chunk)
                yield chunk
            if not self.complete:
                return
            if left is not None:
                left -= len(chunk)

    def _sample(self, chunk: Sequence[Sequence[Any]]) -> None:
        if not self.rows:
            self.rows = chunk[:SAMPLED_ROWS]
        for column, values in zip(self.columns, zip(*chunk, strict=True), strict=True):
            self.types[column].update(dict.fromkeys(sorted(kind.__name__ for kind in set(map(type, values)))))


def build_preview(operator: HeapSyncOperator, context: Context, rows: int | None) -> dict[str, Any]:
    """
    Run a sync dry, and return what it would do.

    :param operator: the sync, rendered.
    :param context: the one that it was rendered with.
    :param rows: how many rows to read; None for all.
    :raises HeapError: when the run could not begin.
    """
    plan = replace(operator.plan(context), mode=RunMode.DRY_RUN, rejects_path=None, dry_run_path=None)
    sampler, collector = _RowSampler(rows), _WarningCollector()
    run = SyncRun(plan, partial(operator.open_rows, plan, sampler.wrap), operator.open_store, log=collector)
    problem = None
    try:
        run.execute()
    except (GuardError, TooManyRejectedError) as error:
        if sampler.complete or isinstance(error, TooManyRejectedError):
            problem = str(error)
    if plan.compares_in_database and not sampler.complete:
        run.report.unchanged = 0  # of how many rows, nobody has looked
    report, mapper = run.report, operator.mapping().bind(sampler.columns) if sampler.rows else None
    counts, new, limit = report.as_dict(), report.new_keys, plan.rate_limit
    return {
        "sync": plan.name,
        "source": plan.source_label,
        "model": operator.sql or repr(operator.model),
        "target": {
            "base_url": plan.environment.base_url,
            "region": plan.environment.region,
            "app_id": plan.environment.app_id,
            "connection": plan.environment.name,
        },
        "object": plan.heap_object.name,
        "behaviour": plan.heap_object.behaviour,
        "sync_key": {
            "field": plan.heap_object.key_field(operator.item_fields()),
            "column": mapper.key_column if mapper else None,
        },
        "state": f"{plan.state.table} in {plan.state.conn_id}" if plan.state else None,
        "mapping": list(_mapping_table(mapper, sampler)) if mapper else [],
        "complete": sampler.complete,
        "counts": {
            "read": report.read,
            "new": new,
            "changed": None if new is None else max(report.done - new, 0),
            **{name: counts[name] for name in ("would_send", "unchanged", "invalid", "reasons", "truncated")},
            **({"duplicate_keys": report.duplicate_keys} if report.duplicate_keys is not None else {}),
        },
        "requests": report.requests,
        "bytes": report.bytes,
        "items_a_minute": limit,
        "minutes": report.done / limit if limit else None,
        "notes": collector.warnings,
        "problem": problem,
        "first_request": run.first_request.decode() if run.first_request and not plan.heap_object.deletes else None,
    }


def _mapping_table(mapper: RowMapper, sampler: _RowSampler) -> Iterator[dict[str, Any]]:
    """Yield a row for each field and property: name, what fills it, type in the database or else in Python, samples."""
    samples: dict[str, list[Any]] = defaultdict(list)
    for body in mapper.map(sampler.rows, 1).items.bodies:
        item = json.loads(body)
        for name, value in {**item, **item.get("properties", {})}.items():
            if name != "properties" and len(samples[name]) < SAMPLES and value not in samples[name]:
                samples[name].append(value)
    for name, origin in mapper.origins.items():
        python_types = [kind for kind in sampler.types.get(origin, ()) if kind != "NoneType"]
        types = [sampler.declared_types[origin]] if origin in sampler.declared_types else python_types
        # Of people who are to be deleted only the numbers are shown.
        shown = [] if mapper.heap_object.deletes else samples[name]
        yield {"property": name, "column": origin, "types": types, "samples": shown}
