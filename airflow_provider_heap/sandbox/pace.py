"""Heap's limits a minute, as the sandbox enforces them when it is told to."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

from airflow_provider_heap.api.objects import HeapObject

#: Seconds of Heap's minute.
WINDOW = 60.0


class Arrivals:
    """What was taken in the last minute: how many items, and how many that concern the same person."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._requests: deque[tuple[float, Counter[tuple[str, ...]]]] = deque()

    def over(self, heap_object: HeapObject, app_id: str, items: Sequence[dict[str, Any]], now: float) -> bool:
        """
        Tell whether items are more than Heap documents that it takes.

        :param heap_object: what they are.
        :param app_id: where to.
        :param items: the items of a request.
        :param now: when it came, in seconds of the monotonic clock.
        """
        self._forget(now)
        return any(
            limit is not None and self._counts[what] + count > limit
            for what, count in _concerned(heap_object, app_id, items).items()
            for limit in [heap_object.rate_limit if len(what) == 2 else heap_object.person_rate_limit]
        )

    def take(self, heap_object: HeapObject, app_id: str, items: Sequence[dict[str, Any]], now: float) -> None:
        """
        Count items.

        :param heap_object: what they are.
        :param app_id: where to.
        :param items: the items of a request.
        :param now: when it came, in seconds of the monotonic clock.
        """
        self._forget(now)
        concerned = _concerned(heap_object, app_id, items)
        self._counts += concerned
        self._requests.append((now, concerned))

    def _forget(self, now: float) -> None:
        while self._requests and self._requests[0][0] <= now - WINDOW:
            self._counts -= self._requests.popleft()[1]


def _concerned(heap_object: HeapObject, app_id: str, items: Sequence[dict[str, Any]]) -> Counter[tuple[str, ...]]:
    """Count the items of the environment, and those of each person in it, where Heap has a limit for them."""
    found: Counter[tuple[str, ...]] = Counter()
    if heap_object.rate_limit is not None:
        found[(app_id, heap_object.name)] = len(items)
    if heap_object.person_rate_limit is not None:
        found.update(
            (app_id, heap_object.name, name, str(item[name]))
            for item in items
            for name in heap_object.person_fields
            if name in item
        )
    return found
