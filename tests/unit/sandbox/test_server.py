"""The sandbox answers as Heap documents, and over HTTP says what it has and takes faults."""

from __future__ import annotations

import pytest
import requests

from airflow_provider_heap.api.objects import ACCOUNT, EVENT, OBJECTS, USER
from airflow_provider_heap.sandbox import Sandbox
from tests.unit.sandbox.client import DEVICE, REFUND, event, post


def test_answers_are_those_that_heap_documents(heap_sandbox):
    assert post(heap_sandbox, USER, {"identity": "ada"}).text == "{}"
    assert post(heap_sandbox, EVENT, event()).text == "{}"
    answer = post(heap_sandbox, ACCOUNT, {"account_id": "a"})
    assert (answer.status_code, answer.text) == (200, "OK")


def test_each_app_id_is_an_environment_of_its_own(heap_sandbox):
    post(heap_sandbox, USER, {"identity": "ada"}, app_id="1")
    post(heap_sandbox, USER, {"identity": "bob"}, app_id="2")
    assert list(heap_sandbox.environment("2").users) == ["bob"]


def test_a_single_call_is_a_bulk_call_of_one(heap_sandbox):
    body = {"app_id": "123", "identity": "ada", "properties": {"plan": "pro"}}
    assert requests.post(heap_sandbox.url + USER.endpoint, json=body, timeout=120).ok
    assert heap_sandbox.users == {"ada": {"plan": "pro"}}


@pytest.mark.parametrize("heap_object", [REFUND, DEVICE], ids=lambda heap_object: heap_object.name)
def test_an_object_that_it_does_not_know_is_refused(heap_sandbox, heap_object):
    answer = post(heap_sandbox, heap_object, {heap_object.key: "7", "identity": "ada"})
    assert answer.status_code == 404
    assert answer.text.startswith(
        f"the sandbox does not know {heap_object.endpoint}; of Heap's endpoints it knows /api/"
    )
    assert heap_sandbox.requests == []


def test_a_new_object_needs_no_more_than_its_description():
    with Sandbox(objects=[*OBJECTS, REFUND, DEVICE]) as sandbox:
        assert post(sandbox, REFUND, {"refund_id": "7", "identity": "ada"}).status_code == 200
        assert post(sandbox, REFUND, {"identity": "ada"}).text == "postBody.refunds[0].refund_id is required"
        assert post(sandbox, DEVICE, {"device_id": "d", "properties": {"os": "x"}}).status_code == 200
        overview = requests.get(f"{sandbox.url}/sandbox/overview", timeout=120).json()
        [row] = requests.get(f"{sandbox.url}/sandbox/rows?kind=devices", timeout=120).json()["rows"]
    counts = {"users": 1, "accounts": 0, "events": 0, "refunds": 1, "devices": 1, "duplicates": 0}
    assert overview["environments"] == [{"app_id": "123", **counts}]
    assert [each["kind"] for each in overview["objects"]] == ["users", "accounts", "events", "refunds", "devices"]
    assert row == {"key": "d", "properties": {"os": "x"}}


def test_faults_are_set_and_what_arrived_is_deleted_over_http(heap_sandbox):
    url = heap_sandbox.url
    assert requests.post(f"{url}/sandbox/faults", json={"refuse": ["ada"]}, timeout=120).json()["refuse"] == ["ada"]
    assert post(heap_sandbox, USER, {"identity": "ada"}).status_code == 400
    wrong = requests.post(f"{url}/sandbox/faults", json={"refuze": ["ada"]}, timeout=120)
    assert (wrong.status_code, "no such fault: refuze" in wrong.text) == (400, True)
    requests.post(f"{url}/sandbox/reset", timeout=120)
    assert requests.get(f"{url}/sandbox", timeout=120).json()["requests"] == 0


def test_the_overview_counts_what_arrived(heap_sandbox):
    post(heap_sandbox, USER, {"identity": "<ada>", "properties": {"plan": "pro"}})
    post(heap_sandbox, EVENT, event(idempotency_key="k"), event(idempotency_key="k"))
    post(heap_sandbox, EVENT, event(identity=""))
    overview = requests.get(f"{heap_sandbox.url}/sandbox/overview", timeout=120).json()
    assert overview["environments"] == [{"app_id": "123", "users": 2, "accounts": 0, "events": 1, "duplicates": 1}]
    assert (overview["requests"], overview["refused"]) == (3, 1)


def test_the_overview_is_small_however_much_arrived(heap_sandbox):
    for batch in range(5):
        post(heap_sandbox, EVENT, *[event(identity=f"u{batch}-{number}") for number in range(1000)])
    assert len(requests.get(f"{heap_sandbox.url}/sandbox/overview", timeout=120).content) < 5_000


def test_nothing_is_left_of_a_sandbox_that_was_stopped():
    with Sandbox() as sandbox:
        url = sandbox.url
        assert requests.head(url, timeout=120).ok
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=120)
