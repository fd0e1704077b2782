"""What the sandbox's page asks for: how much there is, and one page of it, the newest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from airflow_provider_heap.api.objects import HeapObject
from airflow_provider_heap.sandbox.store import HeapEnvironment, Request

#: Rows of one page.
PAGE_SIZE = 50
#: Items of a request that the page shows when it is opened.
SHOWN_ITEMS = 20

#: The kinds of rows that are not of a Heap object.
REQUESTS = "requests"
DELETIONS = "deletions"


def describe_objects(objects: Sequence[HeapObject]) -> list[dict[str, Any]]:
    """
    Return what the page must know of each object to show it.

    :param objects: the objects.
    """
    return [
        {
            "kind": heap_object.array_name,
            "key": heap_object.key,
            "write_once": heap_object.write_once,
            "fields": [field.name for field in heap_object.fields],
            "person_fields": heap_object.person_fields,
        }
        for heap_object in objects
    ]


def counts(
    objects: Sequence[HeapObject], environments: Mapping[str, HeapEnvironment], requests: Sequence[Request]
) -> dict[str, Any]:
    """
    Return how much there is.

    :param objects: the objects that are counted.
    :param environments: what arrived, by App ID.
    :param requests: all requests.
    """
    return {
        "environments": [
            {
                "app_id": app_id,
                **{each.array_name: len(environment.kept(each.array_name)) for each in objects},
                "duplicates": environment.duplicates,
            }
            for app_id, environment in environments.items()
        ],
        "requests": len(requests),
        "refused": sum(not request.taken for request in requests),
    }


def snapshot(
    kind: str, environment: HeapEnvironment, requests: Sequence[Request], deletions: Sequence[dict[str, Any]] = ()
) -> list[Any]:
    """
    Return everything of one kind as it is now; the caller holds the lock that guards it.

    :param kind: the array name of an object, such as ``users``, or ``requests`` or ``deletions``.
    :param environment: the environment to look at.
    :param requests: all requests.
    :param deletions: all deletions that were asked for, in order.
    :raises KeyError: when there is no such kind.
    """
    if kind == REQUESTS:
        return list(requests)
    if kind == DELETIONS:
        return list(deletions)
    kept = environment.kept(kind)
    return list(kept.items()) if isinstance(kept, dict) else list(kept)


def requests_of(key: str, requests: Sequence[Request]) -> list[Request]:
    """
    Return the requests that have an item of a user, an account or an event.

    :param key: an identity, an Account ID, an idempotency key: any field of an item that is text.
    :param requests: all requests.
    """
    return [request for request in requests if any(key in _fields(item) for item in request.items)]


def request_details(request: Request, array_name: str) -> dict[str, Any]:
    """
    Return what the page shows of a request that is opened: its body as it was decoded, and its answer.

    :param request: the request.
    :param array_name: the name of the array of its items.
    """
    items = request.items
    return {
        "body": {"app_id": request.app_id, array_name: items[:SHOWN_ITEMS]},
        "more": max(0, len(items) - SHOWN_ITEMS),
        "status": request.status,
        "text": request.text,
        "taken": request.taken,
    }


def page(entries: Sequence[Any], search: str, number: int, epoch: float) -> dict[str, Any]:
    """
    Return one page of a snapshot.

    :param entries: what :func:`snapshot` returned.
    :param search: a text that rows must contain, in any case; empty for all rows.
    :param number: which page, from 0.
    :param epoch: the wall clock's time at the start of the monotonic clock.
    :return: the rows, and whether there are ``more`` after them.
    """
    indexes, first = range(len(entries) - 1, -1, -1), number * PAGE_SIZE
    if not search:
        indexes, first = indexes[first:], 0
    rows: Iterable[dict[str, Any]] = (_row(index, entries[index], epoch) for index in indexes)
    if search:
        wanted = _searchable(search)[1:-1]
        rows = (row for row in rows if wanted in _searchable([*row.values()]))
    shown = list(islice(rows, first, first + PAGE_SIZE + 1))
    return {"rows": shown[:PAGE_SIZE], "more": len(shown) > PAGE_SIZE}


def _row(index: int, entry: Request | dict[str, Any] | tuple[str, dict[str, Any]], epoch: float) -> dict[str, Any]:
    match entry:
        case Request():
            return {
                "number": entry.number,
                "at": round(entry.at + epoch, 3),
                "path": entry.path,
                "app_id": entry.app_id,
                "items": len(entry.items),
                "size": entry.size,
                "status": entry.status,
                "text": entry.text,
                "taken": entry.taken,
            }
        case dict():
            return {"number": index + 1, **entry}
        case (key, properties):
            return {"key": key, "properties": properties}
    raise AssertionError


def _fields(item: dict[str, Any]) -> list[str]:
    """Return the fields of an item that may be its key or name its user."""
    return [value for value in item.values() if isinstance(value, str)]


def _searchable(value: Any) -> str:
    """Return the JSON of a value in one case; what is searched for is written in the same way."""
    return msgspec.json.encode(value).decode().casefold()
