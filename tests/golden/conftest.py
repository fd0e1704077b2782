"""A Heap with a fixed address, a state in SQLite and a model of any Python values."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest


@pytest.fixture
def heap(heap_sandbox, monkeypatch):
    """
    The sandbox, reached as ``http://heap.invalid``.

    The base URL is part of what is stored. The sandbox's port changes from run to run, so the sandbox serves as an HTTP
    proxy, which requests reads from the environment.
    """
    connection = {"conn_type": "heap", "login": "2388822444", "host": "http://heap.invalid"}
    monkeypatch.setenv("AIRFLOW_CONN_HEAP_DEFAULT", json.dumps(connection))
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, heap_sandbox.url)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return heap_sandbox


@pytest.fixture
def state(tmp_path, monkeypatch):
    """The Airflow connection ``state``, and a way to ask the database behind it."""
    path = tmp_path / "state.db"
    monkeypatch.setenv("AIRFLOW_CONN_STATE", json.dumps({"conn_type": "sqlite", "host": str(path)}))

    def query(sql):
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute(sql).fetchall()

    return query
