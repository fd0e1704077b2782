"""The sandbox's deletion API: a token for the right key, requests that are pending and then complete, users that go."""

from __future__ import annotations

import time

import pytest
import requests

from airflow_provider_heap.api.objects import (
    ACCOUNT,
    EVENT,
    MAX_DELETIONS,
    STATUS_ENDPOINT,
    TOKEN_ENDPOINT,
    USER,
    USER_DELETION,
)
from airflow_provider_heap.sandbox import Faults
from tests.unit.sandbox.client import event, post


@pytest.fixture
def token(heap_sandbox):
    return new_token(heap_sandbox).json()["access_token"]


def new_token(sandbox, app_id="123", api_key="sandbox-api-key"):
    return requests.post(sandbox.url + TOKEN_ENDPOINT, auth=(app_id, api_key), timeout=120)


def delete(sandbox, token, *users):
    headers = {"Authorization": f"Bearer {token}"}
    return requests.post(sandbox.url + USER_DELETION.endpoint, json={"users": users}, headers=headers, timeout=120)


def status(sandbox, token, request_id):
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{sandbox.url}{STATUS_ENDPOINT}/{request_id}", headers=headers, timeout=120)


def test_users_are_removed_from_all_environments_with_their_events(heap_sandbox, token):
    for app_id in ("123", "456"):
        post(heap_sandbox, USER, {"identity": "ada"}, {"identity": "bob"}, app_id=app_id)
        post(heap_sandbox, EVENT, event(), {"event": "Order", "user_id": "7"}, app_id=app_id)
    post(heap_sandbox, ACCOUNT, {"account_id": "ada"})
    answer = delete(heap_sandbox, token, {"identity": "ada"}, {"user_id": "7"}, {"identity": "nobody"})
    assert answer.status_code == 201
    request_id = answer.json()["deletion_request_id"]
    assert answer.json() == {
        "deletion_request_id": request_id,
        "status": "pending",
        "deletion_request_location": f"{STATUS_ENDPOINT}/{request_id}",
    }
    for app_id in ("123", "456"):
        environment = heap_sandbox.environment(app_id)
        assert (list(environment.users), environment.events) == (["bob"], [])
    assert list(heap_sandbox.accounts) == ["ada"]


def test_a_deletion_is_pending_and_then_complete(heap_sandbox, token):
    request_id = delete(heap_sandbox, token, {"identity": "ada"}).json()["deletion_request_id"]
    assert status(heap_sandbox, token, request_id).json() == {"status": "pending"}
    heap_sandbox.deletions.pending = 0
    assert status(heap_sandbox, token, request_id).json() == {"status": "complete"}
    [row] = heap_sandbox.summary()["deletions"]
    assert row == {"at": row["at"], "id": request_id, "app_id": "123", "users": 1, "status": "complete"}
    assert abs(row["at"] - time.time()) < 3600
    assert heap_sandbox.overview()["deletions"] == 1


def test_a_wrong_key_or_another_app_id_than_the_main_one_gets_no_token(heap_sandbox):
    assert new_token(heap_sandbox, api_key="wrong").status_code == 401
    assert requests.post(heap_sandbox.url + TOKEN_ENDPOINT, timeout=120).status_code == 401
    heap_sandbox.deletions.main_app_id = "456"
    assert new_token(heap_sandbox).status_code == 401
    assert new_token(heap_sandbox, app_id="456").status_code == 200


@pytest.mark.parametrize("token", ["", "made-up"])
def test_without_a_token_nothing_is_deleted(heap_sandbox, token):
    post(heap_sandbox, USER, {"identity": "ada"})
    assert delete(heap_sandbox, token, {"identity": "ada"}).status_code == 401
    assert status(heap_sandbox, token, "any").status_code == 401
    assert list(heap_sandbox.users) == ["ada"]


def test_a_token_expires(heap_sandbox):
    heap_sandbox.deletions.token_lifetime = 0
    token = new_token(heap_sandbox).json()["access_token"]
    assert delete(heap_sandbox, token, {"identity": "ada"}).status_code == 401


def test_an_unknown_request_and_one_of_another_app_id_are_not_found(heap_sandbox, token):
    request_id = delete(heap_sandbox, token, {"identity": "ada"}).json()["deletion_request_id"]
    other = new_token(heap_sandbox, app_id="456").json()["access_token"]
    assert status(heap_sandbox, token, "unknown").status_code == 404
    assert status(heap_sandbox, other, request_id).status_code == 404


@pytest.mark.parametrize(
    ("users", "problem"),
    [
        ([], "postBody.users should be a non-empty array"),
        ([{"identity": "a"}] * (MAX_DELETIONS + 1), "postBody.users should have at most 10000 items"),
        ([{}], "postBody.users[0] should have exactly one of identity, user_id"),
        ([{"identity": "a", "user_id": "1"}], "postBody.users[0] should have exactly one of identity, user_id"),
        ([{"identity": "a", "properties": {}}], "postBody.users[0] should not have properties"),
        ([{"user_id": "ada"}], "postBody.users[0].user_id should be a number from 0 to 2^53 - 1"),
    ],
)
def test_a_request_that_breaks_a_rule_is_refused(heap_sandbox, token, users, problem):
    answer = delete(heap_sandbox, token, *users)
    assert (answer.status_code, answer.text) == (400, problem)


def test_faults_are_of_these_calls_too(heap_sandbox, token):
    heap_sandbox.faults = Faults(status=503)
    answers = [new_token(heap_sandbox), delete(heap_sandbox, token, {"identity": "a"}), status(heap_sandbox, token, "")]
    assert [answer.status_code for answer in answers] == [503, 503, 503]
    heap_sandbox.faults = Faults(reset="after", times=1)
    with pytest.raises(requests.ConnectionError):
        delete(heap_sandbox, token, {"identity": "ada"})
    assert len(heap_sandbox.deletions.requests) == 1
