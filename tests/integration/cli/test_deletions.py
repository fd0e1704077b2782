"""``airflow heap deletions`` proves that people were deleted; ``preview`` shows numbers and nobody."""

from __future__ import annotations

import json

import pytest

from airflow_provider_heap.operators.heap import HeapUserDeletionOperator
from airflow_provider_heap.sync.state.deletions import DeletionRecords
from airflow_provider_heap.sync.state.state_key import StateKey

DAG = """
with DAG(dag_id="privacy", schedule=None):
    common = dict(model="select * from users", sql_conn_id="warehouse", identity="email", state_conn_id="state")
    HeapUserDeletionOperator(task_id="erase", max_rows=10, **common)
    HeapUserSyncOperator(task_id="users", **common)
"""


@pytest.fixture(autouse=True)
def _people(dag_file, warehouse, heap_sandbox, tmp_path, monkeypatch):
    warehouse.users(3)
    monkeypatch.setenv("AIRFLOW_CONN_STATE", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "state.db")}))
    dag_file(DAG)


@pytest.fixture
def operator():
    """The task ``erase``, without waiting."""
    return HeapUserDeletionOperator(
        task_id="erase",
        model="select * from users",
        sql_conn_id="warehouse",
        identity="email",
        state_conn_id="state",
        sync_name="privacy.erase",
        max_rows=10,
        batch_size=2,
        wait=False,
    )


def test_it_shows_each_request_and_the_one_of_a_person(heap, run, ti, operator, warehouse, heap_sandbox):
    assert json.loads(heap("deletions", "show", "privacy", "erase", "--output", "json")) == []
    report = run(operator)
    first, second = report["deletion_requests"]
    records = DeletionRecords(operator.open_store(), StateKey.of(operator.plan({"ti": ti})))
    records.complete({first: 1_795_737_600})
    rows = json.loads(heap("deletions", "show", "privacy", "erase", "--output", "json"))
    assert [
        (row["users"], row["status"], row["complete_by"]) for row in sorted(rows, key=lambda row: row["users"])
    ] == [
        ("1", "pending", ""),
        ("2", "complete", "2026-11-27 00:00:00 UTC"),
    ]
    show = ("deletions", "show", "privacy", "erase", "--key")
    text = heap(*show, "u1@example.com")
    assert (
        f"in request {first} of App ID 2388822444; it is complete since 2026-11-27 00:00:00 UTC at the latest." in text
    )
    assert heap(*show, "u3@example.com").strip().endswith(f"in request {second} of App ID 2388822444; it is pending.")
    assert "'nobody' is not recorded in sync privacy.erase: the next run" in heap(*show, "nobody")


def test_who_was_adopted_has_no_request(heap, heap_sandbox):
    heap("state", "adopt", "privacy", "erase")
    assert heap_sandbox.requests == []
    assert "but without a request" in heap("deletions", "show", "privacy", "erase", "--key", "u1@example.com")


def test_a_task_that_deletes_nobody_is_refused(heap):
    with pytest.raises(SystemExit, match="'users' deletes nobody"):
        heap("deletions", "show", "privacy", "users")


@pytest.mark.parametrize("output", ["json", "table"])
def test_a_preview_shows_numbers_and_nobody(heap, heap_sandbox, output):
    text = heap("preview", "privacy", "erase", "--output", output)
    assert "@example.com" not in text
    assert "delete" in text
    if output == "json":
        preview = json.loads(text)
        assert (preview["counts"]["would_send"], preview["first_request"]) == (3, None)
    assert heap_sandbox.requests == []
