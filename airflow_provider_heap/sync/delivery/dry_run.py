"""A dry run: requests are made up to their last byte, and not sent."""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_heap.api.client import HeapClient
from airflow_provider_heap.api.objects import HeapObject
from airflow_provider_heap.sync.items import ItemBatch
from airflow_provider_heap.sync.report import Report


class DryRunSender:
    """
    Takes the place of the way to Heap. For one thread.

    :param client: makes the bodies.
    :param heap_object: what the items are.
    :param report: takes the counts.
    :param keep: called with the number of each request, from 1 on, and its body.
    """

    def __init__(
        self, client: HeapClient, heap_object: HeapObject, report: Report, keep: Callable[[int, bytes], None] | None
    ) -> None:
        self._client = client
        self._object = heap_object
        self._report = report
        self._keep = keep
        report.would_send = 0

    def deliver(self, batch: ItemBatch) -> None:
        """
        Count a request instead of sending it.

        :param batch: its items.
        """
        body = self._client.body(self._object, batch.bodies)
        self._report.requests += 1
        self._report.bytes += len(body)
        if self._keep:
            self._keep(self._report.requests, body)
        self._report.would_send = (self._report.would_send or 0) + len(batch)
