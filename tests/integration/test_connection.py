"""A gateway with a password before Heap, and a host that cannot be reached because of a mistake."""

from __future__ import annotations

import json
import logging
import sqlite3
from contextlib import closing

import pytest

from airflow_provider_heap.exceptions import HeapConfigurationError, HeapRefusedError
from airflow_provider_heap.hooks.heap import HeapHook
from airflow_provider_heap.operators.heap import HeapUserSyncOperator
from airflow_provider_heap.sandbox import Faults

PASSWORD = "hunter2pass"


@pytest.fixture
def connect(monkeypatch):
    """Set the host of the connection heap_default."""

    def connection(host):
        fields = {"conn_type": "heap", "login": "2388822444", "host": host}
        monkeypatch.setenv("AIRFLOW_CONN_HEAP_DEFAULT", json.dumps(fields))

    return connection


def sync(**options):
    options = {"model": "select * from users", "sql_conn_id": "warehouse", "identity": "email", **options}
    return HeapUserSyncOperator(task_id="sync", **options)


@pytest.mark.parametrize("faults", [Faults(), Faults(status=400)], ids=["success", "failure"])
def test_a_password_in_the_host_is_shown_and_stored_nowhere(
    heap_sandbox, warehouse, run, ti, connect, caplog, tmp_path, faults
):
    caplog.set_level(logging.DEBUG)
    warehouse.users(30)
    heap_sandbox.faults = faults
    connect(heap_sandbox.url.replace("http://", f"http://gateway:{PASSWORD}@"))
    shown = []
    try:
        shown.append(run(sync(state_conn_id="warehouse", rejects_path=str(tmp_path / "rejects"))))
    except HeapRefusedError as error:
        shown += [str(error), repr(error), error.report]
    with closing(sqlite3.connect(warehouse.path)) as database:
        shown.append("\n".join(database.iterdump()))
    shown += [ti.xcom, caplog.text, HeapHook().test_connection(), HeapHook().environment()]
    shown += [path.read_text() for path in tmp_path.rglob("*.jsonl")]
    assert len(heap_sandbox.requests) > 0
    assert PASSWORD not in repr(shown)


def test_state_is_the_same_with_and_without_a_password(heap_sandbox, warehouse, run, connect):
    warehouse.users(30)
    assert run(sync(state_conn_id="warehouse"))["sent"] == 30
    connect(heap_sandbox.url.replace("http://", f"http://gateway:{PASSWORD}@"))
    assert run(sync(state_conn_id="warehouse"))["unchanged"] == 30


def test_a_host_without_tls_fails_at_once_with_the_way_out(heap_sandbox, warehouse, run, ti, connect):
    warehouse.users(30)
    connect(heap_sandbox.url.removeprefix("http://"))
    with pytest.raises(
        HeapConfigurationError, match=r"Connection 'heap_default': .* write http:// before the Host"
    ) as error:
        run(sync())
    assert error.value.report["requests"] == 1
    assert ti.xcom["report"] == error.value.report
    assert HeapHook().test_connection() == (
        False,
        f"The address https://{heap_sandbox.url.removeprefix('http://')} does not speak TLS: correct the port, or "
        "write http:// before the Host.",
    )


def test_a_certificate_bundle_that_does_not_exist_fails_at_once(warehouse, run, connect, monkeypatch):
    warehouse.users(30)
    connect("https://127.0.0.1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")
    with pytest.raises(HeapConfigurationError, match=r"certificate bundle .* does not exist .*/no/such/bundle.pem"):
        run(sync())
