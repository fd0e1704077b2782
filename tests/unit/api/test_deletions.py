"""Calls of the deletion API: a token that is fetched, kept, renewed, and shown nowhere."""

from __future__ import annotations

import logging

import pytest

from airflow_provider_heap.api import deletions
from airflow_provider_heap.api.client import HeapClient
from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import USER, USER_DELETION
from airflow_provider_heap.api.retry import RetryPolicy
from airflow_provider_heap.exceptions import HeapConfigurationError, HeapUnavailableError
from airflow_provider_heap.sandbox import Faults
from airflow_provider_heap.sandbox.deletions import API_KEY
from airflow_provider_heap.sandbox.server import Answer

ADA = b'{"identity":"ada"}'
POLICY = RetryPolicy(initial_backoff=0.001, max_backoff=0.002)


@pytest.fixture
def client(heap_sandbox):
    return make_client(heap_sandbox)


def make_client(sandbox, api_key=API_KEY):
    environment = Environment("123", sandbox.url, api_key=api_key).for_deletion()
    return HeapClient(environment, retry_policy=POLICY)


def tokens(sandbox):
    return len(sandbox.deletions.tokens)


def test_a_deletion_has_no_app_id_in_its_body_and_is_answered_with_an_id(client, heap_sandbox):
    assert client.body(USER_DELETION, ADA + b',{"user_id":"7"}') == b'{"users":[{"identity":"ada"},{"user_id":"7"}]}'
    client.send(USER, b'{"identity":"ada"}')
    response = client.send(USER_DELETION, ADA)
    assert (response.status, [response.request_id]) == (201, [*heap_sandbox.deletions.requests])
    assert heap_sandbox.users == {}


def test_one_token_serves_many_calls(client, heap_sandbox):
    request_id = client.send(USER_DELETION, ADA).request_id
    client.send(USER_DELETION, ADA)
    assert client.deletion_status(request_id) == "pending"
    heap_sandbox.deletions.pending = 0
    assert client.deletion_status(request_id) == "complete"
    assert tokens(heap_sandbox) == 1


def test_a_token_that_heap_does_not_take_any_more_is_renewed(client, heap_sandbox):
    client.send(USER_DELETION, ADA)
    heap_sandbox.deletions.tokens.clear()
    assert client.send(USER_DELETION, ADA).accepted
    assert tokens(heap_sandbox) == 1


def test_a_token_is_renewed_before_it_expires(client, heap_sandbox, monkeypatch):
    client.send(USER_DELETION, ADA)
    monkeypatch.setattr(deletions, "TOKEN_LIFETIME", 0.0)
    client.send(USER_DELETION, ADA)
    assert tokens(heap_sandbox) == 2
    assert [request.status for request in heap_sandbox.requests] == [201, 201]


@pytest.mark.parametrize("every", [1, 2, 3])
def test_failures_of_any_of_the_calls_are_repeated(client, heap_sandbox, every):
    heap_sandbox.faults = Faults(status=500, every=every, times=6)
    request_id = client.send(USER_DELETION, ADA).request_id
    assert client.deletion_status(request_id) == "pending"
    assert len(heap_sandbox.deletions.requests) == 1


def test_what_stays_unavailable_is_an_answer_like_any_other(client, heap_sandbox):
    heap_sandbox.faults = Faults(status=503)
    assert client.send(USER_DELETION, ADA, tries=2).status == 503
    with pytest.raises(HeapUnavailableError, match="answered 503 when it was asked for the status of deletion request"):
        client.deletion_status("any", tries=1)
    with pytest.raises(HeapUnavailableError, match="answered 503 when it was asked for a token"):
        client.check_api_key()


def test_a_wrong_key_is_refused_with_what_to_compare(heap_sandbox):
    client = make_client(heap_sandbox, "wrong-key")
    for call in (
        lambda: client.send(USER_DELETION, ADA),
        lambda: client.deletion_status("any"),
        client.check_api_key,
    ):
        with pytest.raises(HeapConfigurationError, match="Main Production environment: compare App ID 123") as error:
            call()
        assert "wrong-key" not in str(error.value)
    assert heap_sandbox.requests == []


def test_a_token_that_is_refused_twice_is_not_asked_for_again(client, heap_sandbox):
    heap_sandbox.deletions.token_lifetime = 0
    with pytest.raises(HeapConfigurationError, match="answered 401 to the API key"):
        client.send(USER_DELETION, ADA)
    assert tokens(heap_sandbox) == 2


def test_an_unknown_request_is_named(client):
    with pytest.raises(HeapConfigurationError, match="'a/b': the account of this App ID has no such request"):
        client.deletion_status("a/b")


@pytest.mark.parametrize("text", ["OK", "[]", "{}", '{"access_token": 5}', '{"access_token": "line\\nbreak"}'])
def test_an_answer_without_a_token_is_not_heaps(client, heap_sandbox, monkeypatch, text):
    monkeypatch.setattr(heap_sandbox, "answer_call", lambda *_: Answer(200, text))
    with pytest.raises(HeapConfigurationError, match="without a token as Heap sends it") as error:
        client.check_api_key()
    assert "break" not in str(error.value)


def test_an_accepted_deletion_without_an_id_is_not_heaps(client, heap_sandbox, monkeypatch):
    monkeypatch.setattr(heap_sandbox.deletions, "add", lambda *_: "OK")
    with pytest.raises(HeapConfigurationError, match="answered 201 to a deletion, but without the ID of a request"):
        client.send(USER_DELETION, ADA)


def test_neither_key_nor_token_is_logged(client, heap_sandbox, caplog):
    caplog.set_level(logging.DEBUG)
    heap_sandbox.faults = Faults(status=500, every=2, times=4)
    client.deletion_status(client.send(USER_DELETION, ADA).request_id)
    [token] = heap_sandbox.deletions.tokens
    for secret in (API_KEY, token, "Basic ", "Bearer "):
        assert secret not in caplog.text
    assert API_KEY not in repr(client.environment)
