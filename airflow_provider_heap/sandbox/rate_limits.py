"""Heap's limits per minute, as the sandbox enforces them on request."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

from airflow_provider_heap.api.objects import HeapObject

#: Seconds of the minute that Heap's limits are about.
WINDOW = 60.0

#: What is counted: an App ID and an object, and for the limit of a person also the field and its value.
_Counted = tuple[str, ...]


class RecentItems:
    """The items that were accepted in the last minute, counted by environment and by person."""

    def __init__(self) -> None:
        self._counts: Counter[_Counted] = Counter()
        self._requests: deque[tuple[float, Counter[_Counted]]] = deque()

    def exceeds_limit(self, heap_object: HeapObject, app_id: str, items: Sequence[dict[str, Any]], now: float) -> bool:
        """
        Return whether a request would exceed a limit that Heap documents.

        :param heap_object: what the items are.
        :param app_id: the environment.
        :param items: the items of the request.
        :param now: when the request arrived, in seconds of the monotonic clock.
        """
        self._drop_expired(now)
        return any(
            limit is not None and self._counts[counted] + count > limit
            for counted, count in _count(heap_object, app_id, items).items()
            for limit in [heap_object.rate_limit if len(counted) == 2 else heap_object.person_rate_limit]
        )

    def add(self, heap_object: HeapObject, app_id: str, items: Sequence[dict[str, Any]], now: float) -> None:
        """
        Count the items of a request.

        :param heap_object: what the items are.
        :param app_id: the environment.
        :param items: the items of the request.
        :param now: when the request arrived, in seconds of the monotonic clock.
        """
        self._drop_expired(now)
        counts = _count(heap_object, app_id, items)
        self._counts += counts
        self._requests.append((now, counts))

    def _drop_expired(self, now: float) -> None:
        while self._requests and self._requests[0][0] <= now - WINDOW:
            self._counts -= self._requests.popleft()[1]


def _count(heap_object: HeapObject, app_id: str, items: Sequence[dict[str, Any]]) -> Counter[_Counted]:
    """Count the items of an environment, and those of each person in it, where Heap has a limit for them."""
    counts: Counter[_Counted] = Counter()
    if heap_object.rate_limit is not None:
        counts[(app_id, heap_object.name)] = len(items)
    if heap_object.person_rate_limit is not None:
        counts.update(
            (app_id, heap_object.name, name, str(item[name]))
            for item in items
            for name in heap_object.person_fields
            if name in item
        )
    return counts
