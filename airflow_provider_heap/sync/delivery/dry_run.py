"""A dry run: requests are made to their last byte, and not sent."""

from __future__ import annotations

from airflow_provider_heap.api.client import HeapClient
from airflow_provider_heap.api.objects import HeapObject
from airflow_provider_heap.sync.delivery.ledger import OutcomeLedger
from airflow_provider_heap.sync.items import ItemBatch
from airflow_provider_heap.sync.plan import StoragePath
from airflow_provider_heap.sync.rejects.writer import open_new_file


class DryRunSender:
    """
    Drop-in for :class:`.BatchSender` that counts requests instead of sending them. For one thread.

    :param client: makes the bodies.
    :param heap_object: what the items are.
    :param ledger: counts them.
    :param folder: takes a file for each request; None keeps none.
    """

    def __init__(
        self, client: HeapClient, heap_object: HeapObject, ledger: OutcomeLedger, folder: StoragePath | None
    ) -> None:
        self._client = client
        self._object = heap_object
        self._ledger = ledger
        self._folder = folder
        self._requests = 0
        #: Body of the first request; None when there was none.
        self.first_request: bytes | None = None

    def deliver(self, batch: ItemBatch) -> None:
        """
        Count a request.

        :param batch: its items.
        """
        body = self._client.body(self._object, batch.bodies.joined())
        self._requests += 1
        if self.first_request is None:
            self.first_request = body
        if self._folder is not None:
            with open_new_file(self._folder / f"{self._requests:06}.json") as file:
                file.write(body)
        self._ledger.add_prepared(len(batch), len(body))
