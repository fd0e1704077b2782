"""``airflow heap redrive`` asks before it sends, and tells what became of the items."""

from __future__ import annotations

import pytest

from airflow_provider_heap.operators.heap import HeapUserSyncOperator
from airflow_provider_heap.sandbox import Faults
from tests.system.dags import AIRFLOW_2

pytestmark = pytest.mark.skipif(AIRFLOW_2, reason="Airflow knows commands of providers from 3.2 on")


@pytest.fixture
def file(heap_sandbox, warehouse, run, tmp_path):
    """A rejects file of two users."""
    warehouse.users(5)
    heap_sandbox.faults = Faults(refuse={"u2@example.com", "u4@example.com"})
    operator = HeapUserSyncOperator(
        task_id="sync",
        model="select * from users",
        sql_conn_id="warehouse",
        identity="email",
        rejects_path=str(tmp_path),
        max_rejected=2,
        sync_name="people",
    )
    report = run(operator)
    heap_sandbox.faults = Faults()
    return report["rejects"]


def test_it_sends_the_items_and_tells_so(heap, heap_sandbox, file):
    told = heap("redrive", file, "--yes", "--key", "u2@example.com")
    assert "sent                             1" in told
    assert "u2@example.com" in heap_sandbox.users
    assert "u4@example.com" not in heap_sandbox.users


@pytest.mark.parametrize(("answer", "users"), [("n", 3), ("y", 5)])
def test_it_asks_before(heap, heap_sandbox, file, monkeypatch, answer, users):
    monkeypatch.setattr("builtins.input", lambda: answer)
    if answer == "n":
        with pytest.raises(SystemExit, match="Nothing was sent"):
            heap("redrive", file)
    else:
        assert f"Send 2 users of sync people to {heap_sandbox.url}" in heap("redrive", file)
    assert len(heap_sandbox.users) == users


def test_a_dry_run_sends_none(heap, heap_sandbox, file):
    assert "would send                       2" in heap("redrive", file, "--dry-run")
    assert len(heap_sandbox.users) == 3


def test_nothing_to_send_is_no_failure(heap, file):
    assert "holds no item to send: 2 other items, and 0 invalid rows" in heap("redrive", file, "--reason", "http_413")


def test_what_is_refused_again_ends_the_command_with_a_failure(heap, heap_sandbox, file, tmp_path):
    heap_sandbox.faults = Faults(refuse={"u2@example.com"})
    with pytest.raises(SystemExit, match="1 rejected of 2 rows"):
        heap("redrive", file, "--yes", "--rejects-path", str(tmp_path / "second"))
