"""One request: its bytes, its tries, its waits."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest
import requests

from airflow_provider_heap.api import client as module
from airflow_provider_heap.api.client import HeapClient, Response, _retry_after
from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import ACCOUNT, EVENT, USER
from airflow_provider_heap.sandbox import Faults

ITEM = b'{"identity":"ada","properties":{}}'


@pytest.fixture
def client(heap_sandbox):
    return HeapClient(Environment("123", heap_sandbox.url))


@pytest.mark.parametrize(("heap_object", "array"), [(ACCOUNT, "accounts"), (USER, "users"), (EVENT, "events")])
def test_the_body_is_heaps_bulk_request(client, heap_object, array):
    assert client.body(heap_object, [b"{}", b"[]"]) == b'{"app_id":"123","%b":[{},[]]}' % array.encode()


def test_connections_are_kept_alive(client, heap_sandbox):
    for _ in range(5):
        assert client.send(USER, [ITEM]).accepted
    [pool] = client._session.get_adapter(heap_sandbox.url).poolmanager.pools._container.values()
    assert (pool.num_connections, pool.num_requests) == (1, 5)


def test_redirects_are_answers_and_are_not_followed(client, heap_sandbox):
    heap_sandbox.faults = Faults(status=301)
    assert client.send(USER, [ITEM]).wrong_address
    assert len(heap_sandbox.requests) == 1


def test_waits_between_tries_grow_with_jitter(client, heap_sandbox, monkeypatch):
    monkeypatch.setattr(module, "INITIAL_BACKOFF", 0.02)
    monkeypatch.setattr(module, "MAX_BACKOFF", 0.3)
    heap_sandbox.faults = Faults(status=500)
    answer = client.send(USER, [ITEM])
    assert answer == Response(500, "told to fail")
    times = [request.at for request in heap_sandbox.requests]
    waits = [after - before for before, after in pairwise(times)]
    assert len(waits) == 7
    for n, wait in enumerate(waits):
        assert wait >= min(0.3, 0.02 * 2**n) / 2
    assert waits[-1] > waits[0]


def test_a_slow_server_is_a_transient_failure(heap_sandbox):
    heap_sandbox.faults = Faults(latency=1)
    answer = HeapClient(Environment("123", heap_sandbox.url, timeout=0.1)).send(USER, [ITEM], tries=2)
    assert answer.transient
    assert "timed out" in answer.text


def test_credentials_of_other_services_are_not_sent(client, heap_sandbox, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    prepared = client._session.prepare_request(requests.Request("POST", heap_sandbox.url))
    assert "Authorization" not in prepared.headers


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7),
        ("0", 0),
        ("86400", 300),
        ("soon", None),
        ("-5", None),
    ],
)
def test_retry_after_is_read_in_both_forms_up_to_five_minutes(header, seconds):
    response = requests.Response()
    if header is not None:
        response.headers["Retry-After"] = header
    assert _retry_after(response) == seconds


@pytest.mark.parametrize(("ahead", "seconds"), [(60, 60), (-60, 0), (86400, 300)])
def test_retry_after_may_be_a_date(ahead, seconds):
    response = requests.Response()
    response.headers["Retry-After"] = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
    assert _retry_after(response) == pytest.approx(seconds, abs=2)


def test_a_wait_for_retry_after_is_at_least_what_was_asked(client, heap_sandbox):
    heap_sandbox.faults = Faults(status=503, times=1, retry_after=1)
    began = time.monotonic()
    assert client.send(USER, [ITEM]).accepted
    assert time.monotonic() - began >= 1
