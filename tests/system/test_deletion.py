"""In a real Airflow: a triggerer that is killed while people are being deleted, and the example with its approval."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.system.dags import AIRFLOW_2
from tests.system.standalone import environment, standalone

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(AIRFLOW_2, reason="approvals, and the REST API that the test uses, are of Airflow 3"),
]


@pytest.fixture
def variables(warehouse, heap_sandbox, tmp_path):
    """The connections that Airflow's processes need, as environment variables."""
    state = {"conn_type": "sqlite", "host": str(tmp_path / "state.db")}
    return {
        "AIRFLOW_CONN_WAREHOUSE": os.environ["AIRFLOW_CONN_WAREHOUSE"],
        "AIRFLOW_CONN_HEAP_DEFAULT": os.environ["AIRFLOW_CONN_HEAP_DEFAULT"],
        "AIRFLOW_CONN_STATE": json.dumps(state),
        # Seconds after which another triggerer takes over from one that is gone.
        "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "5",
        "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
    }


@pytest.fixture
def home(tmp_path):
    """An AIRFLOW_HOME with an empty folder of DAGs."""
    folder = tmp_path / "airflow"
    (folder / "dags").mkdir(parents=True)
    return folder


def start(airflow, dag_id, scheduled=False):
    """Start a run of a DAG, or wait for the one of its schedule; returns the path of the run in the REST API."""
    airflow.wait("that the DAG is known", lambda: dag_id in [dag["dag_id"] for dag in airflow.get("dags")["dags"]])
    airflow.get(f"dags/{dag_id}", {"is_paused": False}, "PATCH")
    runs = f"dags/{dag_id}/dagRuns"
    if scheduled:
        [run] = airflow.wait("that the schedule makes a run", lambda: airflow.get(runs)["dag_runs"])
    else:
        run = airflow.get(runs, {"logical_date": None})
    return f"{runs}/{run['dag_run_id']}"


def state_of(airflow, run, task_id):
    return airflow.get(f"{run}/taskInstances/{task_id}")["state"]


def triggerers(home):
    """Return the process IDs of the triggerers of an Airflow."""
    pids = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
            if b"triggerer" in command and f"AIRFLOW_HOME={home}\0".encode() in (folder / "environ").read_bytes():
                pids.append(int(folder.name))
    return pids


@contextmanager
def another_triggerer(home, variables, port):
    """Run ``airflow triggerer`` beside an Airflow."""
    with (home / "triggerer.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow", "triggerer"],
            env=environment(home, home / "dags", port, **variables),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def assert_no_secret(home, *secrets):
    """Make sure that no file below a folder, logs and databases among them, holds a secret."""
    for path in home.rglob("*"):
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            content = path.read_bytes()
            assert not [secret for secret in secrets if secret.encode() in content], path


def test_a_triggerer_that_is_killed_forgets_nobody_and_asks_for_nobody_twice(
    heap_sandbox, warehouse, variables, home, tmp_path
):
    warehouse.table("erasure_requests", [{"email": f"u{n}@x.com"} for n in range(25_000)])
    shutil.copy(ROOT / "tests" / "system" / "erasing.py", home / "dags" / "erasing.py")
    heap_sandbox.deletions.pending = 3600
    with standalone(home, home / "dags", **variables) as airflow:
        run = start(airflow, "erase_people")
        airflow.wait("that the task is deferred", lambda: state_of(airflow, run, "erase") == "deferred")
        log = home / "standalone.log"
        airflow.wait("that the trigger asks", lambda: heap_sandbox.deletions.tokens and len(triggerers(home)) > 0)
        asked = len(heap_sandbox.deletions.tokens)
        airflow.wait("that the trigger has a token", lambda: len(heap_sandbox.deletions.tokens) >= max(asked, 2))
        for pid in triggerers(home):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        airflow.wait("that no triggerer is left", lambda: not triggerers(home))
        assert state_of(airflow, run, "erase") == "deferred"
        asked = len(heap_sandbox.deletions.tokens)
        # Tokens of before are gone too: what comes next fetches one.
        heap_sandbox.deletions.tokens.clear()
        heap_sandbox.deletions.pending = 0
        with another_triggerer(home, variables, int(airflow.url.rpartition(":")[2])):
            airflow.wait(
                "that the task has ended", lambda: state_of(airflow, run, "erase") in ("success", "failed"), 600
            )
        assert state_of(airflow, run, "erase") == "success", log.read_text()[-5000:]
        report = airflow.get(f"{run}/taskInstances/erase/xcomEntries/return_value")["value"]
    assert len(report["deletion_requests"]) == 3
    people = [item["identity"] for request in heap_sandbox.requests for item in request.items]
    assert (len(people), len(set(people))) == (25_000, 25_000)
    with closing(sqlite3.connect(tmp_path / "state.db")) as database:
        query = "select count(*), sum(users) from heap_sync_state_deletions where status = 'complete'"
        assert database.execute(query).fetchone() == (3, 25_000)
    assert_no_secret(home, heap_sandbox.deletions.api_key, *heap_sandbox.deletions.tokens, "u7@x.com")


def test_the_example_deletes_whom_a_person_approved(heap_sandbox, warehouse, variables, home):
    warehouse.table("erasure_requests", [{"email": "ada@x.com"}, {"email": "bob@x.com"}])
    shutil.copy(ROOT / "dags" / "heap_erase_people.py", home / "dags" / "heap_erase_people.py")
    heap_sandbox.deletions.pending = 0
    with standalone(home, home / "dags", **variables) as airflow:
        run = start(airflow, "heap_erase_people", scheduled=True)
        path = f"{run}/taskInstances/approve/-1"

        def question():
            with suppress(OSError):
                return airflow.get(f"{path}/hitlDetails")

        subject = airflow.wait("that the approval is asked for", question)["subject"]
        assert subject == "Delete 2 people from Heap for good?"
        assert heap_sandbox.requests == []
        airflow.approve(path)
        ended = ("success", "failed", "upstream_failed")
        airflow.wait("that the task has ended", lambda: state_of(airflow, run, "erase") in ended, 600)
        assert state_of(airflow, run, "erase") == "success"
    [request] = heap_sandbox.requests
    assert request.items == [{"identity": "ada@x.com"}, {"identity": "bob@x.com"}]
    assert_no_secret(home, heap_sandbox.deletions.api_key, "ada@x.com")
