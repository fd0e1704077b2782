"""The sandbox takes what Heap documents, refuses what it doesn't, and fails as it is told."""

from __future__ import annotations

import time

import pytest
import requests

from airflow_provider_heap.api.objects import ACCOUNT, EVENT, USER
from airflow_provider_heap.sandbox import Faults, Sandbox
from airflow_provider_heap.sandbox.__main__ import in_words, main


def post(sandbox, heap_object, *items, app_id="123"):
    """Send items in bulk; returns the answer."""
    return requests.post(
        sandbox.url + heap_object.endpoint, json={"app_id": app_id, heap_object.array: items}, timeout=10
    )


def event(**fields):
    return {"event": "Order", "identity": "ada", **fields}


def test_answers_are_those_that_heap_documents(heap_sandbox):
    assert post(heap_sandbox, USER, {"identity": "ada"}).text == "{}"
    assert post(heap_sandbox, EVENT, event()).text == "{}"
    answer = post(heap_sandbox, ACCOUNT, {"account_id": "a"})
    assert (answer.status_code, answer.text) == (200, "OK")


def test_properties_are_merged_and_the_last_value_wins(heap_sandbox):
    post(heap_sandbox, USER, {"identity": "ada", "properties": {"plan": "free", "seats": 1}})
    post(heap_sandbox, USER, {"identity": "ada", "properties": {"plan": "pro"}}, {"identity": "Ada"})
    assert heap_sandbox.users == {"ada": {"plan": "pro", "seats": 1}, "Ada": {}}


def test_of_an_idempotency_key_the_first_write_wins(heap_sandbox):
    post(heap_sandbox, EVENT, event(idempotency_key="k", properties={"n": 1}))
    assert post(heap_sandbox, EVENT, event(idempotency_key="k", properties={"n": 2})).status_code == 200
    assert [each["properties"] for each in heap_sandbox.events] == [{"n": 1}]
    assert heap_sandbox.environment().duplicates == 1


def test_each_app_id_is_an_environment_of_its_own(heap_sandbox):
    post(heap_sandbox, USER, {"identity": "ada"}, app_id="1")
    post(heap_sandbox, USER, {"identity": "bob"}, app_id="2")
    assert list(heap_sandbox.environment("2").users) == ["bob"]


def test_a_single_call_is_a_bulk_call_of_one(heap_sandbox):
    body = {"app_id": "123", "identity": "ada", "properties": {"plan": "pro"}}
    assert requests.post(heap_sandbox.url + USER.endpoint, json=body, timeout=10).ok
    assert heap_sandbox.users == {"ada": {"plan": "pro"}}


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


def test_a_request_holds_1000_items_at_most_and_one_at_least(heap_sandbox):
    assert post(heap_sandbox, USER, *[{"identity": str(n)} for n in range(1000)]).ok
    assert "at most 1000" in post(heap_sandbox, USER, *[{"identity": str(n)} for n in range(1001)]).text
    assert "non-empty array" in post(heap_sandbox, USER).text


def test_every_nth_request_fails_so_often_and_so_long(heap_sandbox):
    heap_sandbox.faults = Faults(status=503, every=3, times=2, retry_after=7)
    answers = [post(heap_sandbox, USER, {"identity": "ada"}) for _ in range(10)]
    assert [answer.status_code for answer in answers] == [200, 200, 503, 200, 200, 503, 200, 200, 200, 200]
    assert answers[2].headers["Retry-After"] == "7"
    heap_sandbox.faults = Faults(status=503, seconds=0.1)
    assert post(heap_sandbox, USER, {"identity": "ada"}).status_code == 503
    time.sleep(0.15)
    assert post(heap_sandbox, USER, {"identity": "ada"}).status_code == 200


@pytest.mark.parametrize(("moment", "taken"), [("before", 0), ("after", 1)])
def test_a_connection_is_cut_before_or_after_the_items_are_taken(heap_sandbox, moment, taken):
    heap_sandbox.faults = Faults(reset=moment)
    with pytest.raises(requests.ConnectionError):
        post(heap_sandbox, USER, {"identity": "ada"})
    assert len(heap_sandbox.users) == taken


def test_the_pace_of_heap_can_be_enforced(heap_sandbox):
    heap_sandbox.faults = Faults(enforce_pace=True)
    events = [event() for _ in range(1000)]
    statuses = [post(heap_sandbox, EVENT, *events).status_code for _ in range(16)]
    assert statuses == [200] * 15 + [429]


def test_faults_are_set_and_things_forgotten_over_http(heap_sandbox):
    url = heap_sandbox.url
    assert requests.post(f"{url}/sandbox/faults", json={"refuse": ["ada"]}, timeout=10).json()["refuse"] == ["ada"]
    assert post(heap_sandbox, USER, {"identity": "ada"}).status_code == 400
    wrong = requests.post(f"{url}/sandbox/faults", json={"refuze": ["ada"]}, timeout=10)
    assert (wrong.status_code, "no such fault: refuze" in wrong.text) == (400, True)
    requests.post(f"{url}/sandbox/reset", timeout=10)
    assert requests.get(f"{url}/sandbox", timeout=10).json()["requests"] == 0


@pytest.mark.parametrize("faults", [{"every": 0}, {"latency": -1}, {"reset": "never"}, {"status": 99}])
def test_faults_that_cannot_be_are_refused(faults):
    with pytest.raises(ValueError, match="must be"):
        Faults.parse(faults)


def test_the_page_and_the_words_tell_what_arrived(heap_sandbox, capsys):
    post(heap_sandbox, USER, {"identity": "<ada>", "properties": {"plan": "pro"}})
    post(heap_sandbox, EVENT, event(idempotency_key="k"), event(idempotency_key="k"))
    page = requests.get(heap_sandbox.url, timeout=10)
    assert "&lt;ada&gt;" in page.text
    assert "<ada>" not in page.text
    assert "2 users, 0 accounts, 1 events" in page.text
    assert main(["--summary", heap_sandbox.url]) == 0
    said = capsys.readouterr().out
    assert said.strip() == in_words(heap_sandbox.summary())
    assert "holds 2 users, 0 accounts and 1 events (1 repeats of an event were ignored)" in said
    assert "user <ada>: plan = pro" in said


def test_nothing_is_left_of_a_sandbox_that_was_stopped():
    with Sandbox() as sandbox:
        url = sandbox.url
        assert requests.head(url, timeout=10).ok
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=10)
