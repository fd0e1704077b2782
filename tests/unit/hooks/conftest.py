"""A connection to Heap as somebody wrote it."""

from __future__ import annotations

import json

import pytest

from airflow_provider_heap.hooks.heap import HeapHook


@pytest.fixture
def connect(monkeypatch):
    """Set the connection heap_default; returns a hook of it."""

    def connection(value):
        monkeypatch.setenv("AIRFLOW_CONN_HEAP_DEFAULT", value if isinstance(value, str) else json.dumps(value))
        return HeapHook()

    return connection
