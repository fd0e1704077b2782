"""Cuts items into requests."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_heap.sync.items import Items


class Batcher:
    """
    Cuts a stream of items into requests: every one is full but the last.

    :param max_items: items in one request.
    :param max_bytes: bytes of all items of one request, commas included; a single item may be larger.
    """

    def __init__(self, max_items: int, max_bytes: int) -> None:
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._rest = Items()

    def add(self, items: Items) -> list[Items]:
        """
        Take items in and give the full batches out.

        :param items: the next items of the query.
        """
        items = self._rest.then(items) if len(self._rest) else items
        batches, start = [], 0
        while (stop := self._end(items.bodies, start)) is not None:
            batches.append(items.part(start, stop))
            start = stop
        self._rest = items.part(start, len(items))
        return batches

    def rest(self) -> list[Items]:
        """Give out what is left at the end, a batch or none."""
        rest, self._rest = self._rest, Items()
        return [rest] if len(rest) else []

    def _end(self, bodies: Sequence[bytes], start: int) -> int | None:
        """Return where the batch that begins at a place ends; None when it isn't full yet."""
        window = bodies[start : start + self._max_items]
        if sum(map(len, window)) + len(window) <= self._max_bytes:
            return start + len(window) if len(window) == self._max_items else None
        size = 0
        for place, body in enumerate(window):
            size += len(body) + 1
            if size > self._max_bytes and place:
                return start + place
        # One item alone is over the limit.
        return start + 1
