"""A task that is told to stop ends within the 5 s that Airflow leaves it, with what Heap answered counted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from airflow_provider_heap.sandbox import Faults
from tests.conftest import ROOT
from tests.system.dags import AIRFLOW_2, load, task_instances


def start(tmp_path, rate_limit):
    """Start the process; returns it and the file that it leaves."""
    left = tmp_path / "left.json"
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("stoppable.py")), str(left), str(rate_limit)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    while process.stdout.readline().strip() != b"ready":
        assert process.poll() is None
    return process, left


def stopped(process, left):
    """Send SIGTERM; returns what the process left."""
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert time.monotonic() - began < 5
    return json.loads(left.read_text())


def wait_for(sandbox, requests):
    """Wait until so many requests have arrived."""
    for _ in range(500):
        if len(sandbox.requests) >= requests:
            return
        time.sleep(0.02)
    pytest.fail("no request came")


def test_sigterm_ends_a_wait_for_the_pace_at_once(heap_sandbox, warehouse, tmp_path):
    warehouse.users(9000)
    process, left = start(tmp_path, 3000)
    wait_for(heap_sandbox, 3)
    time.sleep(0.3)
    found = stopped(process, left)
    assert found["error"] == "SyncStoppedError"
    assert found["seconds"] < 1
    assert found["report"]["sent"] == found["report"]["read"] == len(heap_sandbox.events) == 3000


def test_sigterm_lets_requests_in_flight_be_answered(heap_sandbox, warehouse, tmp_path):
    warehouse.users(9000)
    heap_sandbox.faults = Faults(latency=1.5)
    process, left = start(tmp_path, 0)
    wait_for(heap_sandbox, 4)
    found = stopped(process, left)
    assert found["report"]["sent"] == len(heap_sandbox.events) == 4000


def test_sigterm_does_not_wait_for_a_heap_that_does_not_answer(heap_sandbox, warehouse, tmp_path):
    warehouse.users(9000)
    heap_sandbox.faults = Faults(latency=20)
    process, left = start(tmp_path, 0)
    wait_for(heap_sandbox, 4)
    found = stopped(process, left)
    assert 2.5 < found["seconds"] < 4.5
    assert found["report"]["sent"] == 0


def test_sigterm_ends_the_wait_between_two_tries(heap_sandbox, warehouse, tmp_path):
    warehouse.users(900)
    heap_sandbox.faults = Faults(status=503, retry_after=60)
    process, left = start(tmp_path, 0)
    wait_for(heap_sandbox, 1)
    found = stopped(process, left)
    assert found["seconds"] < 1
    assert found["report"]["read"] == 0


@pytest.mark.skipif(AIRFLOW_2, reason="dag.test() of Airflow 2 breaks off when a task times out")
def test_execution_timeout_ends_a_sync_and_leaves_its_report(heap_sandbox, warehouse, tmp_path):
    warehouse.users(3000)
    (tmp_path / "slow.py").write_text(SLOW)
    dag = load(tmp_path / "slow.py")["slow"]
    began = time.monotonic()
    [ti] = task_instances(dag)
    assert time.monotonic() - began < 20
    assert str(ti.state) == "failed"
    report = ti.xcom_pull(task_ids="sync", key="report")
    assert report["sent"] == report["read"] == len(heap_sandbox.users) == 1000


SLOW = """
from datetime import timedelta
from airflow.providers.common.compat.sdk import DAG
from airflow_provider_heap.operators.heap import HeapUserSyncOperator

with DAG(dag_id="slow", schedule=None):
    HeapUserSyncOperator(
        task_id="sync",
        model="select * from users",
        sql_conn_id="warehouse",
        identity="email",
        rate_limit=1000,
        execution_timeout=timedelta(seconds=2),
    )
"""
