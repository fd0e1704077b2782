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
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import EVENT, USER, USER_DELETION
from airflow_provider_heap.sandbox import Faults
from airflow_provider_heap.sync.state.state_key import StateKey
from tests.conftest import ROOT
from tests.waiting import PATIENCE

ROWS = 12_000
KILLS = 12


@dataclass
class Kill:
    """
    The end of a child.

    :param at: number of the request that it does not live to see answered.
    :param child: its process ID.
    """

    at: int
    child: Future[int] = field(default_factory=Future)


@pytest.mark.parametrize("heap_object", [USER, EVENT, USER_DELETION], ids=lambda heap_object: heap_object.name)
def test_killed_at_random_points_everything_arrives_and_nothing_recorded_is_sent_again(
    heap_sandbox, warehouse, tmp_path, monkeypatch, heap_object
):
    warehouse.users(ROWS)
    state = tmp_path / "state.db"
    monkeypatch.setenv("AIRFLOW_CONN_STATE", json.dumps({"conn_type": "sqlite", "host": str(state)}))
    heap_sandbox.faults = Faults(status=503, every=11, latency=0.03)
    scope = StateKey("adhoc_airflow.sync", Environment("2388822444", heap_sandbox.url), heap_object)
    chance = random.Random(heap_object.name)
    what = f"{heap_object.name.rpartition(' ')[2]}s"
    command = [sys.executable, str(Path(__file__).with_name("crashing.py")), what]
    recorded: set[str] = set()
    kills, kill = 0, None

    def on_request(request):
        if kill and request.number == kill.at:
            child = kill.child.result(PATIENCE)
            time.sleep(chance.uniform(0, 0.03))
            os.kill(child, signal.SIGKILL)

    heap_sandbox._on_request = on_request
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
            # In the middle of the next requests, and so before the child can be done.
            kill = Kill(seen + chance.randint(1, 5)) if kills < KILLS else None
            runner.stdin.write("go\n")
            runner.stdin.flush()
            child = int(_read(runner))
            assert child > 1
            if kill:
                kill.child.set_result(child)
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
    assert kills == KILLS
    if heap_object is USER_DELETION:
        asked = Counter(
            item["identity"] for request in heap_sandbox.requests if request.taken for item in request.items
        )
        # Who is asked for again was in a request that a kill left without an answer, or without a record of it.
        assert sum(asked.values()) <= ROWS + KILLS * 4 * 100
        held = list(asked)
    elif heap_object is USER:
        held = heap_sandbox.users
    else:
        held = [event["idempotency_key"] for event in heap_sandbox.events]
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
