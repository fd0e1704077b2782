"""What the sandbox keeps, and what it does with a key that comes again."""

from __future__ import annotations

import pytest

from airflow_provider_heap.api.objects import EVENT, OBJECTS, USER
from airflow_provider_heap.sandbox.store import HeapEnvironment
from tests.unit.sandbox.client import DEVICE, REFUND, event


@pytest.fixture
def environment():
    return HeapEnvironment()


def test_properties_are_merged_and_the_last_value_wins(environment):
    environment.add(USER, [{"identity": "ada", "properties": {"plan": "free", "seats": 1}}])
    environment.add(USER, [{"identity": "ada", "properties": {"plan": "pro"}}, {"identity": "Ada"}])
    assert environment.users == {"ada": {"plan": "pro", "seats": 1}, "Ada": {}}


def test_of_events_with_one_idempotency_key_the_first_wins(environment):
    environment.add(EVENT, [event(idempotency_key="k", properties={"n": 1})])
    environment.add(EVENT, [event(idempotency_key="k", properties={"n": 2})])
    assert [each["properties"] for each in environment.events] == [{"n": 1}]
    assert environment.duplicates == 1


def test_events_without_an_idempotency_key_are_all_kept(environment):
    environment.add(EVENT, [event(), event()])
    assert len(environment.events) == 2


def test_an_event_creates_the_user_that_it_names(environment):
    environment.add(EVENT, [event(identity="ada"), {"event": "Order", "user_id": "12"}])
    assert environment.users == {"ada": {}}


@pytest.mark.parametrize("heap_object", [REFUND, DEVICE], ids=lambda heap_object: heap_object.name)
def test_an_object_that_it_does_not_know_is_refused(environment, heap_object):
    with pytest.raises(ValueError, match=f"does not know the Heap object '{heap_object.name}'; it knows user, account"):
        environment.add(heap_object, [{heap_object.key: "7", "identity": "ada"}])
    assert not any(environment.as_dict().values())


def test_a_new_object_needs_no_more_than_its_description():
    environment = HeapEnvironment([*OBJECTS, REFUND, DEVICE])
    environment.add(REFUND, [{"refund_id": "7", "identity": "ada"}, {"refund_id": "7", "identity": "bob"}])
    environment.add(EVENT, [event(idempotency_key="7")])
    environment.add(DEVICE, [{"device_id": "d", "properties": {"os": "x"}}, {"device_id": "d", "properties": {"n": 1}}])
    assert environment.kept("refunds") == [{"refund_id": "7", "identity": "ada"}]
    assert environment.kept("devices") == {"d": {"os": "x", "n": 1}}
    assert environment.users == {"ada": {}}
    assert len(environment.events) == environment.duplicates == 1
