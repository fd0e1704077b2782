"""One request: its bytes, its tries, its waits."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

import pytest
import requests

from airflow_provider_heap.api.client import HeapClient
from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import ACCOUNT, EVENT, USER
from airflow_provider_heap.api.rate_limiter import RateLimiter
from airflow_provider_heap.api.response import Response
from airflow_provider_heap.api.retry import RetryPolicy
from airflow_provider_heap.sandbox import Faults
from tests.unit.api.fake_clock import FakeClock

ITEM = b'{"identity":"ada","properties":{}}'


@pytest.fixture
def client(heap_sandbox):
    return HeapClient(Environment("123", heap_sandbox.url))


@pytest.fixture
def clock():
    return FakeClock()


@pytest.mark.parametrize(("heap_object", "array"), [(ACCOUNT, "accounts"), (USER, "users"), (EVENT, "events")])
def test_the_body_is_heaps_bulk_request(client, heap_object, array):
    assert client.body(heap_object, b"{},[]") == b'{"app_id":"123","%b":[{},[]]}' % array.encode()


def test_connections_are_kept_alive(client, heap_sandbox):
    for _ in range(5):
        assert client.send(USER, ITEM).accepted
    [pool] = client._adapter.poolmanager.pools._container.values()
    assert (pool.num_connections, pool.num_requests) == (1, 5)


def test_redirects_are_answers_and_are_not_followed(client, heap_sandbox):
    heap_sandbox.faults = Faults(status=301)
    assert client.send(USER, ITEM).wrong_address
    assert len(heap_sandbox.requests) == 1


def test_a_request_is_tried_as_often_as_the_policy_says_with_its_waits(client, heap_sandbox, clock):
    heap_sandbox.faults = Faults(status=500)
    answer = client.send(USER, ITEM, rate_limiter=RateLimiter(clock=clock))
    assert answer == Response(500, "told to fail")
    assert len(heap_sandbox.requests) == RetryPolicy().tries
    assert len(clock.waits) == RetryPolicy().tries - 1
    for number, wait in enumerate(clock.waits):
        longest = min(30.0, 0.5 * 2**number)
        assert longest / 2 <= wait <= longest


def test_the_policy_can_be_another(heap_sandbox, clock):
    heap_sandbox.faults = Faults(status=500)
    policy = RetryPolicy(tries=3, initial_backoff=100.0, max_backoff=100.0)
    client = HeapClient(Environment("123", heap_sandbox.url), retry_policy=policy)
    client.send(USER, ITEM, rate_limiter=RateLimiter(clock=clock))
    assert len(heap_sandbox.requests) == 3
    assert all(50.0 <= wait <= 100.0 for wait in clock.waits)


def test_a_call_can_ask_for_fewer_tries(client, heap_sandbox, clock):
    heap_sandbox.faults = Faults(status=500)
    client.send(USER, ITEM, rate_limiter=RateLimiter(clock=clock), tries=2)
    assert len(heap_sandbox.requests) == 2


@pytest.mark.parametrize(("asked", "waited"), [(60, 60), (86400, 300)])
def test_a_wait_is_at_least_what_the_server_asked_for_up_to_five_minutes(client, heap_sandbox, clock, asked, waited):
    heap_sandbox.faults = Faults(status=503, times=1, retry_after=asked)
    assert client.send(USER, ITEM, rate_limiter=RateLimiter(clock=clock)).accepted
    assert clock.now() == waited


def test_a_slow_server_is_a_transient_failure(heap_sandbox, clock):
    heap_sandbox.faults = Faults(latency=1)
    client = HeapClient(Environment("123", heap_sandbox.url, timeout=0.1))
    answer = client.send(USER, ITEM, rate_limiter=RateLimiter(clock=clock), tries=2)
    assert answer.transient
    assert "timed out" in answer.text


def test_requests_and_bytes_are_counted_with_each_try(client, heap_sandbox, clock):
    heap_sandbox.faults = Faults(status=500, times=1)
    client.send(USER, ITEM, rate_limiter=RateLimiter(clock=clock))
    assert (client.requests, client.bytes) == (2, 2 * len(client.body(USER, ITEM)))


@pytest.mark.parametrize(("user", "password"), [("user", "pw"), ("user", ""), ("é", "雪")])
def test_credentials_in_the_host_are_sent_as_basic_authentication(user, password):
    host = f"http://{quote(user)}:{quote(password)}@gateway"
    client = HeapClient(Environment.parse(app_id="123", host=host))
    request = client._request("POST", "http://gateway/api/track", b"{}", None)
    assert request.headers["Authorization"] == f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def test_credentials_of_other_services_are_not_sent(client, heap_sandbox, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    prepared = client._session.prepare_request(requests.Request("POST", heap_sandbox.url))
    assert "Authorization" not in prepared.headers
