"""The fixture ``heap_sandbox``, for tests of DAGs that write to Heap. pytest finds it once the package is installed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from airflow_provider_heap.sandbox import Sandbox


@pytest.fixture
def heap_sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Run a local Heap, and make the Airflow connection ``heap_default`` use it."""
    with Sandbox() as sandbox:
        connection = {
            "conn_type": "heap",
            "login": "2388822444",
            "host": sandbox.url,
            "password": sandbox.deletions.api_key,
        }
        monkeypatch.setenv("AIRFLOW_CONN_HEAP_DEFAULT", json.dumps(connection))
        yield sandbox
