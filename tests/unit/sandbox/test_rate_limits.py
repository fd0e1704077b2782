"""Heap's limits per minute, when the sandbox is told to enforce them."""

from __future__ import annotations

import requests

from airflow_provider_heap.api.objects import EVENT, USER
from airflow_provider_heap.sandbox import Faults
from airflow_provider_heap.sandbox.rate_limits import RecentItems
from tests.unit.sandbox.client import event, post


def test_the_limit_can_be_enforced_for_an_environment(heap_sandbox):
    heap_sandbox.faults = Faults(enforce_pace=True)
    statuses = [
        post(heap_sandbox, EVENT, *[event(identity=f"u{batch}-{n}") for n in range(1000)]).status_code
        for batch in range(16)
    ]
    assert statuses == [200] * 15 + [429]
    assert post(heap_sandbox, EVENT, event(), app_id="2").status_code == 200
    assert post(heap_sandbox, USER, {"identity": "ada"}).status_code == 200


def test_the_limit_can_be_enforced_for_a_person(heap_sandbox):
    heap_sandbox.faults = Faults(enforce_pace=True)
    assert post(heap_sandbox, EVENT, *[event() for _ in range(999)]).status_code == 200
    answer = post(heap_sandbox, EVENT, event(), event(), event(identity="bob"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")
    single = {"app_id": "123", **event()}
    assert requests.post(heap_sandbox.url + EVENT.endpoint, json=single, timeout=120).status_code == 200
    assert requests.post(heap_sandbox.url + EVENT.endpoint, json=single, timeout=120).status_code == 429
    assert post(heap_sandbox, EVENT, event(identity="bob")).status_code == 200


def test_a_minute_later_as_much_is_accepted_again():
    recent, items = RecentItems(), [event() for _ in range(1000)]
    recent.add(EVENT, "1", items, now=0.0)
    assert recent.exceeds_limit(EVENT, "1", items[:1], now=59.9)
    assert not recent.exceeds_limit(EVENT, "1", items, now=60.0)
