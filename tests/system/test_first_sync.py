"""The tutorial's DAG, tested as the docs tell people to test theirs; the docs show this file."""

from __future__ import annotations

import runpy
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from airflow_provider_heap.exceptions import TooManyRejectedError
from airflow_provider_heap.sandbox import Faults

DAGS = Path(__file__).parents[2] / "dags"


@pytest.fixture
def people(tmp_path, monkeypatch):
    """The task ``people`` of the DAG, with a warehouse to read from."""
    path = tmp_path / "warehouse.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript((DAGS / "sql" / "first_sync.sql").read_text())
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", f'{{"conn_type": "sqlite", "host": "{path}"}}')
    return runpy.run_path(str(DAGS / "heap_first_sync.py"))["dag"].get_task("people")


def test_people_become_users(people, heap_sandbox):
    report = people.execute({})
    assert (report["read"], report["sent"], report["reasons"]) == (4, 3, {"identity_null": 1})
    assert heap_sandbox.users["ada@example.com"] == {"Plan": "pro", "Seats": 3, "Trial End": "2027-01-31"}


def test_a_person_whom_heap_refuses_fails_the_task_after_the_others_arrived(people, heap_sandbox):
    heap_sandbox.faults = Faults(refuse={"grace@example.com"})
    with pytest.raises(TooManyRejectedError) as raised:
        people.execute({})
    assert raised.value.report["reasons"] == {"identity_null": 1, "http_400": 1}
    assert set(heap_sandbox.users) == {"ada@example.com", "yuki@example.com"}
