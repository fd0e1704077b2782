"""An adoption: the model's present rows are recorded as sent, and not sent."""

from __future__ import annotations

from airflow_provider_heap.sync.delivery.ledger import OutcomeLedger
from airflow_provider_heap.sync.items import ItemBatch


class RecordOnlySender:
    """
    Drop-in for :class:`.BatchSender` that records items without sending them.

    :param ledger: records and counts them.
    """

    def __init__(self, ledger: OutcomeLedger) -> None:
        self._ledger = ledger

    def deliver(self, batch: ItemBatch) -> None:
        """
        Record items.

        :param batch: the items.
        :raises StateError: when they can't be recorded.
        """
        self._ledger.accept(batch)
