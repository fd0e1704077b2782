"""What the sandbox holds for each App ID, as Heap would."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from airflow_provider_heap.api.objects import ACCOUNT, HeapObject


@dataclass
class HeapEnvironment:
    """
    One environment. Properties are merged, the last value wins; of an idempotency key the first write wins.

    :param accounts: properties by Account ID.
    :param users: properties by Identity.
    :param events: in the order of their arrival.
    :param duplicates: events that were ignored because their idempotency key was known.
    """

    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    duplicates: int = 0
    _keys: set[str] = field(default_factory=set)

    def take(self, heap_object: HeapObject, items: list[dict[str, Any]]) -> None:
        """
        Keep the items of a request.

        :param heap_object: what they are.
        :param items: checked items.
        """
        for item in items:
            if not heap_object.write_once:
                held = self.accounts if heap_object is ACCOUNT else self.users
                # What was written last stands last. A dict that stands here is never changed, so it can be shown.
                held[item[heap_object.key]] = held.pop(item[heap_object.key], {}) | item.get("properties", {})
                continue
            key = item.get(heap_object.key)
            if key in self._keys:
                self.duplicates += 1
                continue
            if key is not None:
                self._keys.add(key)
            self.events.append(item)
            if "identity" in item:
                self.users.setdefault(item["identity"], {})

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return {
            "accounts": dict(self.accounts),
            "users": dict(self.users),
            "events": list(self.events),
            "duplicates": self.duplicates,
        }


@dataclass(frozen=True)
class Request:
    """
    A request that arrived.

    :param number: counted from 1.
    :param at: when its body was read, in seconds of the monotonic clock.
    :param path: the endpoint.
    :param app_id: the App ID, if it had one.
    :param items: its items as they were decoded.
    :param size: bytes of the body.
    :param status: how it was answered; 0 when the connection was cut instead.
    :param text: the body of the answer.
    :param taken: whether its items were kept.
    """

    number: int
    at: float
    path: str
    app_id: str
    items: list[dict[str, Any]]
    size: int
    status: int
    text: str
    taken: bool
