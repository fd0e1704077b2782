"""Emit the metrics of a sync, and the lineage of its data."""

from __future__ import annotations

import logging
from datetime import timedelta

from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector
from airflow.providers.common.compat.sdk import BaseHook, Stats

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import HeapObject
from airflow_provider_heap.assets.heap import asset_uri
from airflow_provider_heap.sync.report import Report

log = logging.getLogger(__name__)


def emit(hook: BaseHook, environment: Environment, heap_object: HeapObject, report: Report, **tags: str) -> None:
    """
    Emit the metrics of a run, and what it wrote to; also of a run that failed.

    :param hook: identifies the run in the lineage.
    :param environment: where to.
    :param heap_object: what the rows became.
    :param report: the counters.
    :param tags: of the metrics, beside the object; few, as each combination of values is a series of its own.
    """
    if report.would_send is not None:  # a dry run: nothing was written
        return
    try:
        _emit_metrics(report, {**tags, "object": heap_object.name})
        # Unchanged rows are in Heap too.
        if report.sent or report.unchanged:
            collector = get_hook_lineage_collector()  # type: ignore[no-untyped-call]
            collector.add_output_asset(context=hook, uri=asset_uri(environment, heap_object))
    except Exception:
        # Metrics must never fail a successful sync.
        log.warning("The metrics or the lineage of this sync could not be emitted")
        log.debug("The error was", exc_info=True)


def _emit_metrics(report: Report, tags: dict[str, str]) -> None:
    for name in ("read", "unchanged", "invalid", "rejected", "sent"):
        Stats.incr(f"heap.rows_{name}", getattr(report, name), tags=tags)
    Stats.incr("heap.requests", report.requests, tags=tags)
    Stats.incr("heap.request_bytes", report.bytes, tags=tags)
    Stats.timing("heap.sync_duration", timedelta(seconds=report.seconds), tags=tags)
