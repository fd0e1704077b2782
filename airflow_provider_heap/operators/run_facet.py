"""The facet of OpenLineage that says what a run was: a dry run or a real one, and its counters."""

from __future__ import annotations

from typing import Any

import attr
from airflow.providers.common.compat.openlineage.facet import RunFacet


@attr.define
class HeapSyncRunFacet(RunFacet):
    """
    What a run did; ``heap_sync`` among the facets of a run.

    :param mode: ``send``, ``dry_run`` or ``adopt``.
    :param sync: the sync's name.
    :param read: rows read.
    :param unchanged: rows that Heap has already.
    :param invalid: rows that could not become an item.
    :param rejected: items that Heap refused.
    :param sent: items that Heap accepted, also before a failure.
    :param would_send: items that a dry run would have sent; None in a real run.
    :param reasons: invalid and rejected rows by reason code.
    """

    mode: str
    sync: str
    read: int
    unchanged: int
    invalid: int
    rejected: int
    sent: int
    would_send: int | None = None
    reasons: dict[str, int] = attr.field(factory=dict)


def run_facet(report: dict[str, Any], mode: str, sync: str) -> HeapSyncRunFacet:
    """
    Return the facet of a run.

    :param report: its counters.
    :param mode: what became of the items.
    :param sync: the sync's name.
    """
    names = ("read", "unchanged", "invalid", "rejected", "sent", "would_send")
    counters: dict[str, Any] = {name: report.get(name) for name in names}
    return HeapSyncRunFacet(mode=mode, sync=sync, reasons=report["reasons"], **counters)
