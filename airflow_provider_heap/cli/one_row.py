"""``airflow heap preview --key``: one row of a model, from the database to the item; and the item sent, if wanted."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from airflow_provider_heap.api.objects import PROPERTIES
from airflow_provider_heap.cli.dags import NotFoundError
from airflow_provider_heap.cli.preview_table import print_row
from airflow_provider_heap.cli.tasks import confirm
from airflow_provider_heap.exceptions import TooManyRejectedError
from airflow_provider_heap.models import Model, ReadContext, Rows
from airflow_provider_heap.operators.sync import HeapSyncOperator
from airflow_provider_heap.sync.items import ItemBatch, MappedChunk, MappedRows
from airflow_provider_heap.sync.plan import GuardSettings, Holder, Log, RunMode, SyncPlan
from airflow_provider_heap.sync.report import Report
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.wording import counted

if TYPE_CHECKING:
    from airflow.sdk import Context


class _Silent:
    """A log that nobody reads: what a run of one row says is in what is printed."""

    def info(self, message: Any, /, *args: Any) -> None:
        """Drop it."""

    warning = info


class _RowSearch:
    """
    A model that is read until a row has a key; it remembers that row.

    :param model: the model.
    :param key: the key, as Heap has it.
    :param typed: the key, as a person typed it.
    """

    def __init__(self, model: Model, key: str, typed: str) -> None:
        self.key = key
        #: The row after mapping; None as long as no row has the key.
        self.chunk: MappedChunk | None = None
        self.columns: Sequence[str] = ()
        self.values: Sequence[Any] = ()
        #: Rows up to that one, or all of the model.
        self.rows_read = 0
        self._model = model
        self._typed = typed
        self._rows: Sequence[Sequence[Any]] = ()
        self._first = 1

    @contextmanager
    def open(self, context: ReadContext) -> Iterator[Rows]:
        """
        Open the model.

        :param context: what it needs to read its rows.
        """
        with self._model.open(context) as rows:
            self.columns = rows.columns
            yield replace(rows, chunks=self._remember(rows.chunks))

    def search(self, rows: MappedRows) -> Iterator[MappedChunk]:
        """
        Yield the first row that has the key, and read no further.

        :param rows: the rows of this model, mapped.
        """
        for chunk in rows.chunks:
            self.rows_read += len(chunk)
            match = self._match(chunk, rows.key_column)
            if match is not None:
                self.rows_read = match.items.numbers[0] if len(match.items) else match.invalid[0].number
                self.values = self._rows[self.rows_read - self._first]
                self.chunk = match
                yield match
                return

    def _remember(self, chunks: Iterable[Sequence[Sequence[Any]]]) -> Iterator[Sequence[Sequence[Any]]]:
        for rows in chunks:
            self._rows = rows
            yield rows
            self._first += len(rows)

    def _match(self, chunk: MappedChunk, key_column: str | None) -> MappedChunk | None:
        if self.key in chunk.items.keys:
            place = list(chunk.items.keys).index(self.key)
            wanted = [number == place for number in range(len(chunk.items))]
            return MappedChunk(chunk.items.select(wanted), truncated=chunk.truncated)
        # A row that did not become an item has only the database's value of its key.
        invalid = [row for row in chunk.invalid if key_column and str(row.values.get(key_column)) == self._typed]
        return MappedChunk(ItemBatch(), invalid[:1]) if invalid else None


def preview_row(args: Namespace, operator: HeapSyncOperator, context: Context) -> None:
    """
    Print how the row of a key is mapped, what the state says of it, and the item; send it if that is wanted.

    :param args: ``key``, ``event``, ``send``, ``yes`` and ``output``.
    :param operator: the sync, rendered.
    :param context: the one that it was rendered with.
    :raises NotFoundError: when no row has the key, or its row can't be sent.
    """
    plan = operator.plan(context)
    if args.send:
        _check_sendable(plan)
    compares_elsewhere = plan.compares_in_database
    if compares_elsewhere:
        plan = replace(plan, state=None)
    row = _RowSearch(operator.model_object, operator.sync_key(args.key, args.event), args.key)
    report = _look(operator, plan, row)
    if row.chunk is None:
        raise NotFoundError(f"None of the {counted(row.rows_read, 'row')} of the model has the key {args.key!r}.")
    result = _describe(args, operator, plan, row, report)
    if compares_elsewhere:
        result["state"] = "in the database"
    if args.output == "json":
        print(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        print_row(result)
    if args.send:
        _send(args, operator, plan, row.chunk)


def _check_sendable(plan: SyncPlan) -> None:
    """Do nothing, or say why ``--send`` can't send one row of a task alone."""
    if plan.heap_object.deletes:
        raise NotFoundError(
            "A deletion can't be undone and is not tried on one row: --send would pass by max_rows, the other guards "
            "and an approval. Run the task with a model that names this person alone."
        )
    if plan.compares_in_database:
        raise NotFoundError(
            "The rows of this task are compared in their own database, where one that is sent alone is not "
            "recorded: --send would let later runs take it for unchanged. Run the task instead."
        )


def _look(operator: HeapSyncOperator, plan: SyncPlan, row: _RowSearch) -> Report:
    """Run the sync dry, for the row of a key alone."""
    dry = replace(_of_one_row(plan, 1), mode=RunMode.DRY_RUN)
    opened = partial(_open_row, operator, dry, row)
    return _run(operator, dry, opened, _Silent())


def _of_one_row(plan: SyncPlan, max_rejected: int) -> SyncPlan:
    """Return the plan of a run of one row: what it says of all rows of the model does not apply."""
    return replace(
        plan,
        guards=GuardSettings(),
        delivery=replace(plan.delivery, max_rejected=max_rejected),
        rejects_path=None,
        dry_run_path=None,
        warnings=(),
    )


@contextmanager
def _open_row(operator: HeapSyncOperator, plan: SyncPlan, row: _RowSearch) -> Iterator[MappedRows]:
    with operator.open_rows(plan, lambda _: row) as rows:
        yield MappedRows(row.search(rows), None, rows.key_column)


def _run(operator: HeapSyncOperator, plan: SyncPlan, open_rows: Any, log: Log) -> Report:
    from airflow_provider_heap.sync.run import SyncRun

    return SyncRun(plan, open_rows, operator.open_store, log=log).execute()


def _describe(
    args: Namespace, operator: HeapSyncOperator, plan: SyncPlan, row: _RowSearch, report: Report
) -> dict[str, Any]:
    assert row.chunk is not None
    item = json.loads(row.chunk.items.bodies[0]) if len(row.chunk.items) else None
    invalid = row.chunk.invalid[0] if row.chunk.invalid else None
    mapper = operator.mapping().bind(row.columns)
    mapper.map([row.values], 1)  # which finds the names inside of nested values
    sent = {**item, **item.get(PROPERTIES, {})} if item else {}
    values = dict(zip(row.columns, row.values, strict=True))
    return {
        "sync": plan.name,
        "key": row.key if plan.heap_object.derives_key else args.key,
        "object": plan.heap_object.name,
        "target": plan.environment.label,
        "row": row.rows_read,
        "state": _state(plan, report) if item else None,
        "sent_at": _sent_at(operator, plan, row.key) if item else None,
        "mapping": [
            {
                "property": name,
                "column": origin,
                "types": [type(values[origin]).__name__] if origin in values else [],
                "samples": [sent[name]] if name in sent else [],
            }
            for name, origin in mapper.origins.items()
        ],
        "item": item,
        "invalid": {"reason": invalid.reason, "column": invalid.column, "detail": invalid.detail} if invalid else None,
    }


def _state(plan: SyncPlan, report: Report) -> str:
    if plan.state is None:
        return "none"
    return "unchanged" if report.unchanged else "new" if report.new_keys else "changed"


def _sent_at(operator: HeapSyncOperator, plan: SyncPlan, key: str) -> int | None:
    """Return when an item of a key was last sent, in seconds since 1970; None when that is not recorded."""
    if plan.state is None:
        return None
    store, state_key = operator.open_store(), StateKey.of(plan)
    [key_hash] = state_key.key_hashes([key])
    return store.sent_at(key_hash) if store.has_tables() else None


def _send(args: Namespace, operator: HeapSyncOperator, plan: SyncPlan, chunk: MappedChunk) -> None:
    """
    Send the item that was shown, byte for byte.

    It goes the way of any item: the sync is held, a recorded fingerprint that differs is struck out before, and what
    Heap took is recorded after. It has no mapping's signature, so it does not count as a run of the whole model.
    """
    if not len(chunk.items):
        raise NotFoundError("The row is invalid, so there is nothing to send.")
    one = _of_one_row(plan, 0)
    if one.state is not None:
        one = replace(one, state=replace(one.state, full_sync=True, retention=None))
    one = replace(one, mode=RunMode.SEND, holder=Holder(f"airflow heap preview {uuid4().hex[:8]}"))
    if not args.yes:
        confirm(f"Send this {plan.heap_object.name} to {plan.environment.label}?", "Nothing was sent.")

    @contextmanager
    def open_item() -> Iterator[MappedRows]:
        yield MappedRows([chunk])

    try:
        _run(operator, one, open_item, _Silent())
    except TooManyRejectedError as error:
        reasons = ", ".join((error.report or {}).get("reasons", {}))
        raise NotFoundError(f"Heap rejected the {plan.heap_object.name} ({reasons}); -v shows its answer.") from None
    where = f"recorded in {one.state.table} of {one.state.conn_id}" if one.state else "this task keeps no state"
    print(f"Sent 1 {plan.heap_object.name} to {plan.environment.label}; {where}.")
