"""One row mapped, as tests of many modules need it."""

from __future__ import annotations

import json

from airflow_provider_heap.api.objects import EVENT, USER
from airflow_provider_heap.sync.mapping import Constant, FieldMapping


def one_user(values, **options):
    """Map one row of a user: its identity and the columns and values given."""
    columns = ["who", *values]
    return FieldMapping(USER, {"identity": "who"}, **options).bind(columns).map([("ada", *values.values())], first=1)


def user(values, **options):
    """Return the properties of :func:`one_user`, or the reason why it is invalid."""
    chunk = one_user(values, **options)
    return chunk.invalid[0].reason if chunk.invalid else json.loads(chunk.items.bodies[0])["properties"]


def invalid_user(values, **options):
    """Return reason, column and detail of :func:`one_user`, which must be invalid."""
    [row] = one_user(values, **options).invalid
    return row.reason, row.column, row.detail


def event(timestamp, **options):
    """Map one row of an event; return its timestamp, or the reason and the detail of its being invalid."""
    fields = {"event": Constant("E"), "identity": "who", "timestamp": "at", "idempotency_key": "who"}
    chunk = FieldMapping(EVENT, fields, **options).bind(["who", "at"]).map([("ada", timestamp)], first=1)
    if chunk.invalid:
        return chunk.invalid[0].reason, chunk.invalid[0].detail
    return json.loads(chunk.items.bodies[0])["timestamp"]


def identity(value):
    """Map one row of a user with a key; return the key, or the reason and the detail of its being invalid."""
    chunk = FieldMapping(USER, {"identity": "who"}).bind(["who"]).map([(value,)], first=1)
    return chunk.items.keys[0] if not chunk.invalid else (chunk.invalid[0].reason, chunk.invalid[0].detail)
