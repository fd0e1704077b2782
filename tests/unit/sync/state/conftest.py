"""A state in each database, and items to keep in it."""

from __future__ import annotations

import json

import pytest

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import USER
from airflow_provider_heap.hooks.sql import state_store
from airflow_provider_heap.sync.items import ItemBatch, JsonLines
from airflow_provider_heap.sync.state.state_key import StateKey
from tests.conftest import STATE_SERVERS


@pytest.fixture
def key():
    """The state of a sync of users."""
    return StateKey("people.users", Environment("2388822444", "https://heap.example"), USER)


@pytest.fixture
def conn_id(request, tmp_path, monkeypatch):
    """An Airflow connection: SQLite, or the database that the test is parametrized with."""
    name = getattr(request, "param", "sqlite")
    if name == "sqlite":
        connection = {"conn_type": "sqlite", "host": str(tmp_path / "state.db")}
        monkeypatch.setenv("AIRFLOW_CONN_SQLITE", json.dumps(connection))
    else:
        request.getfixturevalue(STATE_SERVERS[name])
    return name


@pytest.fixture
def store(conn_id, key):
    """A store with tables, in which the sync is registered."""
    store = state_store(conn_id, "heap_sync_state")
    store.create_tables()
    store.register_sync(key)
    yield store
    store.engine.dispose()


@pytest.fixture
def items():
    """Make items of the keys and values that are given as ``{key: value}`` or as pairs."""

    def make(values):
        pairs = list(values.items()) if isinstance(values, dict) else list(values)
        keys = [key for key, _ in pairs]
        bodies = JsonLines.of(f'{{"identity":"{key}","n":{value}}}'.encode() for key, value in pairs)
        return ItemBatch(list(range(1, len(pairs) + 1)), keys, keys, bodies)

    return make
