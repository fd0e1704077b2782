"""Cut a stream of items into requests."""

from __future__ import annotations

from airflow_provider_heap.sync.items import ItemBatch, JsonLines


class Batcher:
    """
    Cut a stream of items into requests: every one is full but the last. For one thread.

    :param max_items: items in one request.
    :param max_bytes: bytes of all items of one request, commas included; a single item may be larger.
    """

    def __init__(self, max_items: int, max_bytes: int) -> None:
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._partial = ItemBatch()

    def add(self, items: ItemBatch) -> list[ItemBatch]:
        """
        Add items, and return the batches that are now full.

        :param items: the next items of the query.
        """
        items = self._partial + items if len(self._partial) else items
        batches, start = [], 0
        while (stop := self._end(items.bodies, start)) is not None:
            batches.append(items[start:stop])
            start = stop
        self._partial = items[start:]
        return batches

    def flush(self) -> list[ItemBatch]:
        """Return the last batch, which is not full; an empty list when there is none."""
        partial, self._partial = self._partial, ItemBatch()
        return [partial] if len(partial) else []

    def _end(self, bodies: JsonLines, start: int) -> int | None:
        """Return where the batch that begins at a position ends; None when it is not full yet."""
        window = bodies[start : start + self._max_items]
        if window.size <= self._max_bytes:
            return start + len(window) if len(window) == self._max_items else None
        size = 0
        for position, body in enumerate(window):
            size += len(body) + 1
            if size > self._max_bytes and position:
                return start + position
        # A single item is over the limit.
        return start + 1
