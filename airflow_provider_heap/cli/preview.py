"""``airflow heap preview``: what a sync is about to do, seen before it does it."""

from __future__ import annotations

import json
from argparse import Namespace
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow_provider_heap.cli.preview_table import show
from airflow_provider_heap.cli.tasks import NotFoundError, command, rendered
from airflow_provider_heap.exceptions import GuardError, TooManyRejectedError
from airflow_provider_heap.operators.parameters import whole
from airflow_provider_heap.operators.sync import HeapSyncOperator
from airflow_provider_heap.sync.mapping.mapper import RowMapper
from airflow_provider_heap.sync.run import Chunks, RunMode

if TYPE_CHECKING:
    from airflow.sdk import Context

#: Rows that sample values are taken from, and how many values are shown of each property.
SAMPLED_ROWS = 1000
SAMPLES = 3


@command
def preview(args: Namespace) -> None:
    """Print what a sync would do; nothing is sent, and nothing recorded."""
    if args.rows < 1:
        raise NotFoundError(f"--rows must be at least 1; found {args.rows}.")
    operator, context = rendered(args)
    found = look(operator, context, None if args.all else args.rows)
    if args.output == "json":
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        show(found)


class _Notes:
    """Keeps what the log of a run would warn of."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def info(self, message: Any, /, *args: Any) -> None:
        """Drop what is no surprise."""

    def warning(self, message: Any, /, *args: Any) -> None:
        """Keep a warning."""
        self.found.append(str(message) % args if args else str(message))


class _Look:
    """
    Looks at rows on their way into a dry run.

    :param rows: how many to let through; None for all.
    """

    def __init__(self, rows: int | None) -> None:
        self.complete = True
        self.mapping: RowMapper | None = None
        self._left = float("inf") if rows is None else rows
        self._types: dict[str, dict[str, None]] = defaultdict(dict)
        self._samples: dict[str, list[Any]] = defaultdict(list)

    def through(self, chunks: Chunks) -> Chunks:
        """
        Let rows through; one that is over the number ends it.

        :param chunks: what the model gives.
        """
        with closing(chunks):
            for mapping, rows in chunks:
                self.complete = len(rows) <= self._left
                rows = rows if self.complete else rows[: int(self._left)]
                if rows and isinstance(mapping, RowMapper):
                    self._see(mapping, rows)
                    yield mapping, rows
                if not self.complete:
                    return
                self._left -= len(rows)

    def table(self) -> Iterator[dict[str, Any]]:
        """Give a row for each field and property: its name, what fills it, types as the driver gave them, samples."""
        for name, origin in self.mapping.origins.items() if self.mapping else ():
            types = [kind for kind in self._types.get(origin, ()) if kind != "NoneType"]
            yield {"property": name, "column": origin, "types": types, "samples": self._samples[name]}

    def _see(self, mapping: RowMapper, rows: Sequence[Sequence[Any]]) -> None:
        for column, values in zip(mapping.columns, zip(*rows, strict=True), strict=True):
            self._types[column].update(dict.fromkeys(sorted(kind.__name__ for kind in set(map(type, values)))))
        if self.mapping is None:
            self.mapping = mapping
            for body in mapping.map(rows[:SAMPLED_ROWS], 1).items.bodies:
                self._sample(json.loads(body))

    def _sample(self, item: dict[str, Any]) -> None:
        for name, value in {**item, **item["properties"]}.items():
            samples = self._samples[name]
            if name != "properties" and len(samples) < SAMPLES and value not in samples:
                samples.append(value)


def look(operator: HeapSyncOperator, context: Context, rows: int | None) -> dict[str, Any]:
    """
    Run a sync dry, and return what was seen.

    :param operator: the sync, rendered.
    :param context: the one that it was rendered with.
    :param rows: how many rows to read; None for all.
    :raises HeapError: when the run could not begin.
    """
    operator.rejects_path = operator.dry_run_path = None
    if rows is not None:
        operator.fetch_size = min(whole("fetch_size", operator.fetch_size), rows + 1)
    first: list[bytes] = []
    notes, seen, problem = _Notes(), _Look(rows), None
    sync, chunks = operator.prepare(
        context, RunMode.DRY_RUN, notes, lambda number, body: first.append(body) if number == 1 else None
    )
    try:
        sync.run(seen.through(chunks))
    except (GuardError, TooManyRejectedError) as error:
        if seen.complete or isinstance(error, TooManyRejectedError):
            problem = str(error)
    report, state = sync.report, sync.state
    new = state.new if state else None
    done = report.would_send or 0
    environment, heap_object = sync.environment, operator.heap_object
    counts = report.as_dict()
    return {
        "sync": operator.scope().sync,
        "source": operator.source,
        "model": operator.sql or repr(operator.model),
        "target": {
            "base_url": environment.base_url,
            "region": environment.region,
            "app_id": environment.app_id,
            "connection": environment.name,
        },
        "object": heap_object.name,
        "behaviour": heap_object.behaviour,
        "sync_key": {
            "field": heap_object.key,
            "column": seen.mapping.key_column if seen.mapping else None,
        },
        "state": f"{operator.state_table} in {operator.state_conn_id}" if state else None,
        "mapping": list(seen.table()),
        "complete": seen.complete,
        "counts": {
            "read": report.read,
            "new": new,
            "changed": None if new is None else max(done - new, 0),
            **{name: counts[name] for name in ("would_send", "unchanged", "invalid", "reasons", "truncated")},
            **({"duplicate_keys": report.duplicate_keys} if report.duplicate_keys is not None else {}),
        },
        "requests": report.requests,
        "bytes": report.bytes,
        "items_a_minute": sync.limit,
        "minutes": done / sync.limit if sync.limit else None,
        "notes": notes.found,
        "problem": problem,
        "first_request": first[0].decode() if first else None,
    }
