"""Which rows a run reads: all of the model's, or those that their own database finds to be new or changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from airflow_provider_heap.sync.delivery.ledger import OutcomeLedger
from airflow_provider_heap.sync.items import MappedChunk, MappedRows
from airflow_provider_heap.sync.plan import RunMode
from airflow_provider_heap.sync.state.comparison import Comparison, Counts
from airflow_provider_heap.sync.state.diff_state import DiffState


def chunks_of(
    rows: MappedRows, state: object, mode: RunMode, ledger: OutcomeLedger, allow: Callable[[Counts], None]
) -> Iterable[MappedChunk]:
    """
    Return the chunks that a run reads.

    :param rows: what was opened.
    :param state: the state of the sync.
    :param mode: what becomes of the items.
    :param ledger: counts the rows that are not read.
    :param allow: called with the counts before the first row is read; raises when a guard is broken.
    """
    if rows.comparison is None:
        return rows.chunks
    assert isinstance(state, DiffState)
    return _changes(rows.comparison, state.compare(rows.comparison, rows.signature), state, mode, ledger, allow)


def _changes(
    comparison: Comparison,
    counts: Counts,
    state: DiffState,
    mode: RunMode,
    ledger: OutcomeLedger,
    allow: Callable[[Counts], None],
) -> Iterator[MappedChunk]:
    allow(counts)
    if mode is RunMode.DRY_RUN:
        read = 0
        for chunk in state.read():
            read += len(chunk)
            yield chunk
        ledger.add_unread(max(0, counts.rows - read))
        return
    ledger.add_unread(counts.rows - (counts.changes or 0))
    if mode is RunMode.ADOPT:
        ledger.add_adopted(state.adopt(), counts.without_key, comparison.null_reason)
        return
    yield from state.read()
