"""The operators, one for each object: which columns fill its fields, and the key that Heap knows it by."""

from __future__ import annotations

import pytest

from airflow_provider_heap.api.idempotency import idempotency_key
from airflow_provider_heap.api.objects import ACCOUNT, EVENT, OBJECTS, USER
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.operators import heap
from airflow_provider_heap.operators.heap import (
    Constant,
    HeapAccountSyncOperator,
    HeapEventSyncOperator,
    HeapUserSyncOperator,
)


def event(**parameters):
    defaults = {"insert_id": "id", "timestamp": "at", "identity": "email", "event": "Order"}
    return HeapEventSyncOperator(task_id="sync", model="select 1", **{**defaults, **parameters})


@pytest.mark.parametrize(
    ("operator", "heap_object", "parameters", "fields"),
    [
        (HeapAccountSyncOperator, ACCOUNT, {}, {"account_id": "account_id"}),
        (HeapAccountSyncOperator, ACCOUNT, {"account_id": "org"}, {"account_id": "org"}),
        (HeapUserSyncOperator, USER, {}, {"identity": "identity"}),
        (HeapUserSyncOperator, USER, {"identity": "email"}, {"identity": "email"}),
    ],
)
def test_the_key_of_accounts_and_users_is_the_column_of_their_one_field(operator, heap_object, parameters, fields):
    made = operator(task_id="sync", model="select 1", **parameters)
    assert made.heap_object is heap_object
    assert made.mapping().fields == fields
    assert made.mapping().optional == frozenset()


def test_an_event_has_the_fields_that_are_given():
    assert event().mapping().fields == {
        "event": Constant("Order"),
        "identity": "email",
        "timestamp": "at",
        "idempotency_key": "id",
    }
    others = {"identity": None, "user_id": "uid", "event": None, "event_column": "what", "session_id": "session"}
    assert event(timestamp=None, **others).mapping().fields == {
        "event": "what",
        "user_id": "uid",
        "session_id": "session",
        "idempotency_key": "id",
    }


def test_only_the_session_of_an_event_may_be_null():
    assert event(session_id="session").mapping().optional == {"session_id"}


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({"identity": None}, "identity and user_id"),
        ({"user_id": "uid"}, "identity and user_id"),
        ({"event": None}, "event and event_column"),
        ({"event_column": "what"}, "event and event_column"),
    ],
)
def test_an_event_names_one_person_and_has_one_name(parameters, names):
    with pytest.raises(ValueError, match=f"HeapEventSyncOperator '.*' takes exactly one of {names}, .* given"):
        event(**parameters)


@pytest.mark.parametrize(
    ("parameter", "part"), [("insert_id", "insert_id='order_id'"), ("timestamp", "timestamp=None")]
)
def test_an_event_that_lacks_a_parameter_says_which_and_what_to_write(parameter, part):
    parameters = {"insert_id": "id", "timestamp": "at", "identity": "email", "event": "Order"}
    del parameters[parameter]
    with pytest.raises(TypeError, match=f"HeapEventSyncOperator 'sync' needs {parameter}, the column") as raised:
        HeapEventSyncOperator(task_id="sync", model="select 1", **parameters)
    assert part in str(raised.value)


def test_an_events_name_may_be_empty_because_a_template_made_it_and_the_mapping_says_so():
    with pytest.raises(ModelError, match="event can't be ''"):
        event(event="").mapping().bind(["id", "at", "email"])


def test_the_key_of_an_event_is_derived_from_its_name_and_insert_id():
    assert event().sync_key("42") == idempotency_key("Order", "42")
    assert event().sync_key("42", "Refund") == idempotency_key("Order", "42")


def test_with_names_in_a_column_the_key_needs_the_events_name():
    one = event(event=None, event_column="what")
    assert one.sync_key("42", "Refund") == idempotency_key("Refund", "42")
    with pytest.raises(ModelError, match="say which event the insert ID is of"):
        one.sync_key("42")


def test_an_insert_id_of_the_scope_app_is_the_key_itself():
    one = event(insert_id_scope="app")
    assert one.sync_key("order-42") == "order-42"
    assert one.mapping().insert_id_scope == "app"


def test_every_option_of_the_mapping_comes_from_a_parameter():
    options = {"nulls": "empty", "nested": "json", "timezone": "Europe/Berlin", "properties": ["plan"]}
    for operator in (HeapUserSyncOperator(task_id="sync", model="select 1", **options), event(**options)):
        mapping = operator.mapping()
        assert {name: getattr(mapping, name) for name in options} == options


def test_there_is_an_operator_for_every_object():
    operators = [getattr(heap, name) for name in heap.__all__]
    assert {getattr(operator, "heap_object", None) for operator in operators} - {None} == set(OBJECTS)
    assert HeapEventSyncOperator.heap_object is EVENT
