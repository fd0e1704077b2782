"""The button Test of a connection says what is wrong, and writes nothing to Heap."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest
import requests

from airflow_provider_heap.hooks.heap import HeapHook


def test_testing_a_good_connection_says_what_it_cannot_prove_and_writes_nothing(heap_sandbox):
    worked, message = HeapHook().test_connection()
    assert worked
    assert heap_sandbox.url in message
    assert "no way to prove that an App ID exists" in message
    assert heap_sandbox.requests == []


def test_testing_a_malformed_connection_tells_what_is_wrong(connect):
    assert connect({"conn_type": "heap", "login": "abc"}).test_connection() == (
        False,
        "The App ID (login) must be the environment ID, digits only like 2388822444; found 'abc'.",
    )


def test_testing_an_unreachable_connection_tells_so_in_time(connect, monkeypatch):
    timeouts, get = [], requests.Session.get

    def hurried_get(session, url, timeout, **kwargs):
        timeouts.append(timeout)
        return get(session, url, timeout=0.1, **kwargs)

    monkeypatch.setattr(requests.Session, "get", hurried_get)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"http://127.0.0.1:{silent.getsockname()[1]}"
        worked, message = connect({"conn_type": "heap", "login": "1", "host": host}).test_connection()
    # To connect, and as long again for an answer: under 10 s in all.
    [timeout] = timeouts
    assert 2 * timeout < 10
    assert not worked
    assert f"{host} could not be reached" in message


@pytest.mark.parametrize(
    ("connection", "says"),
    [
        ({"login": "abc"}, "digits only like 2388822444; found 'abc'"),
        ({"host": "http://127.0.0.1:9"}, "http://127.0.0.1:9 could not be reached"),
        ({"host": "eu"}, "'eu' is a region, not a host"),
        ({"schema": "de"}, "must be 'us' or 'eu'; found 'de'"),
    ],
)
def test_why_a_connection_can_not_work_is_said(heap_sandbox, connect, connection, says):
    worked, message = connect(
        {"conn_type": "heap", "login": "123", "host": heap_sandbox.url, **connection}
    ).test_connection()
    assert not worked
    assert says in message


@pytest.mark.parametrize(
    ("connection", "says"),
    [({}, "Connection success!"), ({"login": "abc"}, "digits only like 2388822444; found 'abc'")],
)
def test_airflow_tests_a_connection_of_the_environment(heap_sandbox, connection, says):
    connection = {"conn_type": "heap", "login": "123", "host": heap_sandbox.url, **connection}
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "connections", "test", "heap_default"],
        capture_output=True,
        text=True,
        env={**os.environ, "AIRFLOW_CONN_HEAP_DEFAULT": json.dumps(connection), "COLUMNS": "500"},
    )
    assert says in " ".join(done.stdout.split())


def test_the_test_of_a_connection_checks_the_api_key_and_writes_nothing(heap_sandbox):
    works, message = HeapHook().test_connection()
    assert works
    assert message.endswith("The API key is right: users can be deleted with it.")
    heap_sandbox.deletions.api_key = "another"
    works, message = HeapHook().test_connection()
    assert not works
    assert "answered 401 to the API key" in message
    assert heap_sandbox.requests == []


def test_the_test_of_a_connection_without_a_key_says_so(heap_sandbox, connect):
    works, message = connect({"conn_type": "heap", "login": "1", "host": heap_sandbox.url}).test_connection()
    assert works
    assert message.endswith("There is no API key; only the deletion of users needs one.")
