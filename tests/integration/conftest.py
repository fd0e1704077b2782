"""Databases that keep the state of a sync."""

from __future__ import annotations

import json

import pytest


@pytest.fixture(params=["sqlite", "pg", "maria"])
def state(request, tmp_path, monkeypatch):
    """The parameters of an operator that keeps its state in SQLite, PostgreSQL and MariaDB."""
    if request.param == "sqlite":
        connection = {"conn_type": "sqlite", "host": str(tmp_path / "state.db")}
        monkeypatch.setenv("AIRFLOW_CONN_SQLITE", json.dumps(connection))
    else:
        request.getfixturevalue({"pg": "postgres", "maria": "mariadb"}[request.param])
    return {"state_conn_id": request.param}


@pytest.fixture
def local_state(tmp_path, monkeypatch):
    """The parameters of an operator that keeps its state in SQLite."""
    connection = {"conn_type": "sqlite", "host": str(tmp_path / "state.db")}
    monkeypatch.setenv("AIRFLOW_CONN_SQLITE", json.dumps(connection))
    return {"state_conn_id": "sqlite"}
