"""Databases that keep the state of a sync, and databases that compare rows."""

from __future__ import annotations

import json

import pytest

from airflow_provider_heap.operators.heap import HeapUserSyncOperator
from tests.conftest import STATE_SERVERS
from tests.integration.cloud_sources import CLOUD_SOURCES
from tests.integration.sources import SOURCES
from tests.system import emulators


@pytest.fixture(params=["sqlite", *STATE_SERVERS])
def state(request, tmp_path, monkeypatch):
    """The parameters of an operator that keeps its state in SQLite, PostgreSQL and MariaDB."""
    if request.param == "sqlite":
        connection = {"conn_type": "sqlite", "host": str(tmp_path / "state.db")}
        monkeypatch.setenv("AIRFLOW_CONN_SQLITE", json.dumps(connection))
    else:
        request.getfixturevalue(STATE_SERVERS[request.param])
    return {"state_conn_id": request.param}


@pytest.fixture
def local_state(tmp_path, monkeypatch):
    """The parameters of an operator that keeps its state in SQLite."""
    connection = {"conn_type": "sqlite", "host": str(tmp_path / "state.db")}
    monkeypatch.setenv("AIRFLOW_CONN_SQLITE", json.dumps(connection))
    return {"state_conn_id": "sqlite"}


@pytest.fixture(scope="session")
def snowflake_emulator(tmp_path_factory):
    """An emulator of Snowflake: its port and its certificate."""
    pytest.importorskip("snowflake.connector")
    with emulators.snowflake(tmp_path_factory.mktemp("snowflake")) as server:
        yield server


@pytest.fixture(scope="session")
def bigquery_emulator(tmp_path_factory):
    """An emulator of BigQuery: the ports of its two APIs."""
    pytest.importorskip("google.cloud.bigquery")
    with emulators.bigquery(tmp_path_factory.mktemp("bigquery")) as ports:
        yield ports


@pytest.fixture(params=[*SOURCES, *(pytest.param(name, marks=pytest.mark.warehouse) for name in CLOUD_SOURCES)])
def source(request, tmp_path, monkeypatch, local_state):
    """A database whose rows are compared inside of it; the hold is kept in SQLite."""
    return {**SOURCES, **CLOUD_SOURCES}[request.param](request, tmp_path, monkeypatch)


@pytest.fixture
def users(source):
    """Make an operator that syncs users, compared in their database."""

    def make(model="select * from users", **parameters):
        given = {
            "task_id": "sync",
            "sql_conn_id": source.conn_id,
            "identity": "email",
            "state_conn_id": "sqlite",
            "diff_schema": source.schema,
        }
        return HeapUserSyncOperator(model=model, **{**given, **parameters})

    return make
