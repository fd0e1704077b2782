"""What those who watch many runs at once learn of a sync: Airflow's metrics, and the lineage of its data."""

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


def tell(hook: BaseHook, environment: Environment, heap_object: HeapObject, report: Report, **tags: str) -> None:
    """
    Emit the metrics of a run, and name what it wrote to. A run that failed is told like any other.

    :param hook: stands for the run in the lineage.
    :param environment: where to.
    :param heap_object: what the rows became.
    :param report: the counters.
    :param tags: of the metrics, beside the object; few, as each combination of values is a series of its own.
    """
    if report.would_send is not None:  # a dry run: nothing became of its rows
        return
    try:
        _emit_metrics(report, {**tags, "object": heap_object.name})
        # What is unchanged stands there already.
        if report.sent or report.unchanged:
            collector = get_hook_lineage_collector()  # type: ignore[no-untyped-call]
            collector.add_output_asset(context=hook, uri=asset_uri(environment, heap_object))
    except Exception:
        # Nobody's rows are less delivered because nobody hears of it.
        log.warning("The metrics or the lineage of this sync could not be told")
        log.debug("Because of", exc_info=True)


def _emit_metrics(report: Report, tags: dict[str, str]) -> None:
    for name in ("read", "unchanged", "invalid", "rejected", "sent"):
        Stats.incr(f"heap.rows_{name}", getattr(report, name), tags=tags)
    Stats.incr("heap.requests", report.requests, tags=tags)
    Stats.incr("heap.request_bytes", report.bytes, tags=tags)
    Stats.timing("heap.sync_duration", timedelta(seconds=report.seconds), tags=tags)
