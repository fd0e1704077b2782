"""What the sandbox keeps for each App ID, as Heap would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_heap.api.objects import OBJECTS, HeapObject


class HeapEnvironment:
    """
    One environment. Properties under a key are merged, and the last value wins. Of an object that is written once, such
    as an event, the first item under a key wins.

    :param objects: the Heap objects that it knows.
    """

    def __init__(self, objects: Sequence[HeapObject] = OBJECTS) -> None:
        #: Items that were ignored because their key was already there.
        self.duplicates = 0
        self._objects = kept = [heap_object for heap_object in objects if not heap_object.deletes]
        self._properties: dict[str, dict[str, dict[str, Any]]] = {
            heap_object.array_name: {} for heap_object in kept if not heap_object.write_once
        }
        self._items: dict[str, list[dict[str, Any]]] = {
            heap_object.array_name: [] for heap_object in kept if heap_object.write_once
        }
        self._keys: set[tuple[str, str]] = set()

    @property
    def accounts(self) -> dict[str, dict[str, Any]]:
        """Properties by Account ID."""
        return self._properties["accounts"]

    @property
    def users(self) -> dict[str, dict[str, Any]]:
        """Properties by Identity."""
        return self._properties["users"]

    @property
    def events(self) -> list[dict[str, Any]]:
        """Events in the order of their arrival."""
        return self._items["events"]

    def kept(self, array_name: str) -> dict[str, dict[str, Any]] | list[dict[str, Any]]:
        """
        Return everything of one object: properties by key, or a list of items where each is written once.

        :param array_name: the object, such as ``users``.
        :raises KeyError: when the environment does not know such an object.
        """
        return self._properties[array_name] if array_name in self._properties else self._items[array_name]

    def add(self, heap_object: HeapObject, items: list[dict[str, Any]]) -> None:
        """
        Keep the items of a request.

        :param heap_object: what the items are.
        :param items: checked items.
        :raises ValueError: when the environment does not know the object.
        """
        if heap_object not in self._objects:
            known = ", ".join(each.name for each in self._objects)
            raise ValueError(f"the sandbox does not know the Heap object {heap_object.name!r}; it knows {known}")
        for item in items:
            if heap_object.write_once:
                self._add_once(heap_object, item)
            else:
                self._merge(heap_object.array_name, item[heap_object.key], item.get("properties", {}))

    def remove(self, people: Sequence[dict[str, Any]]) -> None:
        """
        Remove users, and what is kept of them.

        :param people: for each, the field that names the user and its value.
        """
        named = {person for fields in people for person in fields.items()}
        for heap_object in self._objects:
            name = heap_object.array_name
            # Replaced and never changed: other threads may read them.
            if heap_object.write_once:
                self._items[name] = [
                    item
                    for item in self._items[name]
                    if not any((field, item.get(field)) in named for field in heap_object.person_fields)
                ]
            else:
                self._properties[name] = {
                    key: value for key, value in self._properties[name].items() if (heap_object.key, key) not in named
                }

    def as_dict(self) -> dict[str, Any]:
        """Return everything in a form that JSON has."""
        properties = {name: dict(by_key) for name, by_key in self._properties.items()}
        items = {name: list(in_order) for name, in_order in self._items.items()}
        return {**properties, **items, "duplicates": self.duplicates}

    def _merge(self, array_name: str, key: str, properties: dict[str, Any]) -> None:
        by_key = self._properties[array_name]
        # The key that was written last comes last. The dict is replaced and never changed: other threads may read it.
        by_key[key] = by_key.pop(key, {}) | properties

    def _add_once(self, heap_object: HeapObject, item: dict[str, Any]) -> None:
        key = item.get(heap_object.key)
        if key is not None:
            if (heap_object.name, key) in self._keys:
                self.duplicates += 1
                return
            self._keys.add((heap_object.name, key))
        self._items[heap_object.array_name].append(item)
        # An item that names a person creates that person, if it is one who has properties.
        for other in self._objects:
            if not other.write_once and other.key in heap_object.person_fields and other.key in item:
                self._properties[other.array_name].setdefault(item[other.key], {})


@dataclass(frozen=True)
class Request:
    """
    A request that arrived.

    :param number: counted from 1.
    :param at: when its body was read, in seconds of the monotonic clock.
    :param path: the endpoint.
    :param app_id: the App ID; empty when the request had none.
    :param items: its items as they were decoded.
    :param size: bytes of the body.
    :param status: the status of the answer; 0 when the connection was cut instead.
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
