"""What the sandbox's page asks for: how much there is, and one page of it, the newest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from airflow_provider_heap.sandbox.store import HeapEnvironment, Request

#: Rows of one page.
PAGE_SIZE = 50


def counts(environments: Mapping[str, HeapEnvironment], requests: Sequence[Request]) -> dict[str, Any]:
    """
    Tell how much there is.

    :param environments: what arrived, by App ID.
    :param requests: all requests.
    """
    return {
        "environments": [
            {
                "app_id": app_id,
                "users": len(held.users),
                "accounts": len(held.accounts),
                "events": len(held.events),
                "duplicates": held.duplicates,
            }
            for app_id, held in environments.items()
        ],
        "requests": len(requests),
        "refused": sum(not request.taken for request in requests),
    }


def listed(kind: str, held: HeapEnvironment, requests: Sequence[Request]) -> list[Any]:
    """
    Return everything of one kind as it is now; to be called while nothing changes it.

    :param kind: ``users``, ``accounts``, ``events`` or ``requests``.
    :param held: the environment to look at.
    :param requests: all requests.
    :raises KeyError: when there is no such kind.
    """
    if kind in ("users", "accounts"):
        return list(getattr(held, kind).items())
    return list({"events": held.events, "requests": requests}[kind])


def page(kind: str, things: Sequence[Any], search: str, number: int, epoch: float) -> dict[str, Any]:
    """
    Return one page of what was listed.

    :param kind: what it is.
    :param things: what :func:`listed` returned.
    :param search: a text that rows must hold, in whatever case; empty for all rows.
    :param number: which page, from 0 on.
    :param epoch: the wall clock's time at the start of the monotonic clock.
    :return: the rows, and whether there are ``more`` behind them.
    """
    places, first = range(len(things) - 1, -1, -1), number * PAGE_SIZE
    if not search:
        places, first = places[first:], 0
    rows: Iterable[dict[str, Any]] = (_row(kind, place, things[place], epoch) for place in places)
    if search:
        wanted = _searchable(search)[1:-1]
        rows = (row for row in rows if wanted in _searchable([*row.values()]))
    found = list(islice(rows, first, first + PAGE_SIZE + 1))
    return {"rows": found[:PAGE_SIZE], "more": len(found) > PAGE_SIZE}


def _row(kind: str, place: int, thing: Any, epoch: float) -> dict[str, Any]:
    if kind == "events":
        return {"number": place + 1, **thing}
    if kind == "requests":
        return {
            "number": thing.number,
            "at": round(thing.at + epoch, 3),
            "path": thing.path,
            "app_id": thing.app_id,
            "items": len(thing.items),
            "size": thing.size,
            "status": thing.status,
            "text": thing.text,
            "taken": thing.taken,
        }
    key, properties = thing
    return {"key": key, "properties": properties}


def _searchable(value: Any) -> str:
    """Return the JSON of a value without its case: what is searched for is written in the same way."""
    return msgspec.json.encode(value).decode().casefold()
