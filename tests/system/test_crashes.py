"""A worker that is killed again and again, while Heap fails now and then, loses nothing and repeats little."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path

import pytest

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import EVENT, USER
from airflow_provider_heap.sandbox import Faults
from airflow_provider_heap.sync.state.state_key import StateKey
from tests.conftest import ROOT

ROWS = 6000


@pytest.mark.parametrize("heap_object", [USER, EVENT], ids=lambda heap_object: heap_object.name)
def test_killed_at_random_points_everything_arrives_and_nothing_recorded_is_sent_again(
    heap_sandbox, warehouse, tmp_path, monkeypatch, heap_object
):
    warehouse.users(ROWS)
    state = tmp_path / "state.db"
    monkeypatch.setenv("AIRFLOW_CONN_STATE", json.dumps({"conn_type": "sqlite", "host": str(state)}))
    heap_sandbox.faults = Faults(status=503, every=11, latency=0.03)
    scope = StateKey("adhoc_airflow.sync", Environment("2388822444", heap_sandbox.url), heap_object)
    chance = random.Random(heap_object.name)
    command = [sys.executable, str(Path(__file__).with_name("crashing.py")), f"{heap_object.name}s"]
    recorded: set[str] = set()
    kills = 0
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as runner:
        _read(runner, "ready")
        while True:
            seen = len(heap_sandbox.requests)
            runner.stdin.write("go\n")
            runner.stdin.flush()
            child = int(_read(runner))
            assert child > 1
            if kills < 12:
                # At some point after the run has begun to send.
                deadline = time.monotonic() + 10
                while len(heap_sandbox.requests) < seen + 1 and time.monotonic() < deadline:
                    time.sleep(0.001)
                time.sleep(chance.uniform(0, 0.15))
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            status = int(_read(runner))
            sent = Counter(
                digest
                for request in heap_sandbox.requests[seen:]
                for digest in scope.key_hashes([item[heap_object.key] for item in request.items])
            )
            assert not recorded & sent.keys(), "a row that was recorded was sent again"
            recorded = _recorded(state)
            if status == 0:
                break
            assert status == -signal.SIGKILL, runner.stderr.read()
            kills += 1
        runner.stdin.close()
    assert kills >= 8
    held = heap_sandbox.users if heap_object is USER else [event["idempotency_key"] for event in heap_sandbox.events]
    assert len(held) == len(set(held)) == len(recorded) == ROWS


def _read(runner, wanted=None):
    while True:
        line = runner.stdout.readline()
        assert line, runner.stderr.read()
        line = line.strip()
        # What Airflow logs is among it.
        if line == wanted or (wanted is None and line.lstrip("-").isdigit()):
            return line


def _recorded(path):
    with closing(sqlite3.connect(path)) as connection, suppress(sqlite3.OperationalError):
        return {key for (key,) in connection.execute("select key_hash from heap_sync_state")}
    return set()
