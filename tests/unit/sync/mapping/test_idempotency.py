"""The same row has the same idempotency key, forever."""

from __future__ import annotations

from airflow_provider_heap.api.idempotency import idempotency_key
from airflow_provider_heap.api.objects import EVENT
from airflow_provider_heap.sync.mapping import Constant, FieldMapping, idempotency


def test_an_insert_id_as_it_stands_needs_eight_characters():
    fields = {"event": Constant("E"), "identity": "who", "idempotency_key": "k"}
    bound = FieldMapping(EVENT, fields, insert_id_scope="app").bind(["who", "k"])
    mapped = bound.map([("ada", "1234567"), ("ada", "12345678")], first=1)
    assert [row.reason for row in mapped.invalid] == ["idempotency_key_too_short"]
    assert mapped.items.keys == ["12345678"]


def test_the_same_insert_id_of_two_events_makes_two_keys_forever():
    fields = {"event": "what", "identity": "who", "idempotency_key": "k"}
    mapped = (
        FieldMapping(EVENT, fields)
        .bind(["who", "what", "k"])
        .map([("ada", "order", 42), ("ada", "refund", 42)], first=1)
    )
    # Written out: a release that changes them would count every event again.
    assert mapped.items.keys == ["b3fb8e198104839190ac9e85ee6574e7", "e7f7232dbd482c7df8b420214712081d"]


def test_any_number_of_names_can_be_told_apart(monkeypatch):
    monkeypatch.setattr(idempotency, "MAX_EVENTS", 3)
    fields = {"event": "what", "identity": "who", "idempotency_key": "k"}
    names = [*"abcdef", "a"]
    rows = [("ada", name, 42) for name in names]
    mapped = FieldMapping(EVENT, fields).bind(["who", "what", "k"]).map(rows, first=1)
    assert mapped.items.keys == [idempotency_key(name, "42") for name in names]
