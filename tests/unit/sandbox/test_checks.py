"""The sandbox accepts what Heap documents, and refuses what breaks a documented rule."""

from __future__ import annotations

import pytest

from airflow_provider_heap.api.objects import ACCOUNT, EVENT, USER
from tests.unit.sandbox.client import event, post


@pytest.mark.parametrize(
    ("heap_object", "item", "says"),
    [
        (USER, "ada", "users[0] should be object"),
        (USER, {}, "users[0].identity is required"),
        (USER, {"identity": ""}, "users[0].identity should be a non-empty string"),
        (USER, {"identity": 7}, "users[0].identity should be a non-empty string"),
        (USER, {"identity": "x" * 256}, "at most 255"),
        (USER, {"identity": "ada", "plan": "pro"}, "should not have plan"),
        (USER, {"identity": "ada", "properties": []}, "users[0].properties should be object"),
        (USER, {"identity": "ada", "properties": {"Id": 1}}, "properties.Id is not allowed"),
        (USER, {"identity": "ada", "properties": {"p": True}}, "properties.p should be a number or a string"),
        (USER, {"identity": "ada", "properties": {"p": None}}, "properties.p should be a number or a string"),
        (USER, {"identity": "ada", "properties": {"p": {}}}, "properties.p should be a number or a string"),
        (USER, {"identity": "ada", "properties": {"p": "x" * 1024}}, "fewer than 1024"),
        (USER, {"identity": "ada", "properties": {"x" * 1024: 1}}, "fewer than 1024"),
        (ACCOUNT, {"properties": {}}, "accounts[0].account_id is required"),
        (EVENT, {"identity": "ada"}, "events[0].event is required"),
        (EVENT, {"event": "E"}, "exactly one of identity, user_id"),
        (EVENT, event(user_id="1"), "exactly one of identity, user_id"),
        (EVENT, {"event": "E", "user_id": "x"}, "a number from 0 to 2^53 - 1"),
        (EVENT, event(timestamp="now"), "should be ISO 8601"),
        (EVENT, event(timestamp="2026-01-01T00:00:00"), "should have an offset"),
        (EVENT, {"event": "x" * 1025, "identity": "ada"}, "at most 1024"),
    ],
)
def test_one_bad_item_refuses_the_request_and_is_named(heap_sandbox, heap_object, item, says):
    answer = post(heap_sandbox, heap_object, item, {"identity": "bob", "account_id": "b"})
    assert answer.status_code == 400
    assert says in answer.text
    assert not heap_sandbox.users
    assert heap_sandbox.requests[0].taken is False


@pytest.mark.parametrize("app_id", ["", "abc", "1 2", 123, None])
def test_an_app_id_is_digits_in_a_string(heap_sandbox, app_id):
    assert "string of digits" in post(heap_sandbox, USER, {"identity": "ada"}, app_id=app_id).text


def test_a_request_has_1000_items_at_most_and_one_at_least(heap_sandbox):
    assert post(heap_sandbox, USER, *[{"identity": str(n)} for n in range(1000)]).ok
    assert "at most 1000" in post(heap_sandbox, USER, *[{"identity": str(n)} for n in range(1001)]).text
    assert "non-empty array" in post(heap_sandbox, USER).text
