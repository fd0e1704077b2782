"""`make airflow` is a place to play: whatever example somebody triggers there ends well, and its rows arrive."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.conftest import ROOT
from tests.system.dags import AIRFLOW_2
from tests.system.standalone import SECONDS_TO_ANSWER, Airflow, free_port
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(AIRFLOW_2, reason="airflow standalone of Airflow 2 has no API v2")]


@pytest.fixture(scope="module")
def playground(tmp_path_factory):
    """What `make airflow` starts: Airflow, and the URL of the sandbox."""
    home = tmp_path_factory.mktemp("airflow")
    programs = str(Path(sys.executable).parent)
    variables = {"BIN": programs, "DEMO_HOME": str(home), "AIRFLOW_PORT": str(free_port())}
    env = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
    output = home / "output.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [str(ROOT / "scripts" / "airflow.sh")],
            env=env | variables,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )

    def urls():
        assert process.poll() is None, output.read_text()
        return re.search(r"Airflow +(http\S+)\s+Heap sandbox +(http\S+)", output.read_text())

    try:
        airflow, sandbox = wait_until("that Airflow is started", urls, 300).groups()
        yield Airflow(airflow), sandbox
    finally:
        # As Ctrl-C does; the script ends Airflow's own process group.
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def test_every_example_ends_well_when_it_is_triggered_by_hand_without_a_date(playground):
    airflow, sandbox = playground
    files = {path.name for path in (ROOT / "dags").glob("*.py")}

    def parsed():
        dags = airflow.get("dags?limit=200")["dags"]
        return dags if {Path(dag["fileloc"]).name for dag in dags} == files else None

    dags = airflow.wait("that all DAG files are parsed", parsed)
    assert airflow.get("importErrors")["import_errors"] == []
    assert not [dag["dag_id"] for dag in dags if not dag["description"]]
    for dag in dags:
        airflow.wait("that the DAG is turned on and triggered", lambda dag_id=dag["dag_id"]: trigger(airflow, dag_id))

    seen: dict[str, float] = {}

    def ended():
        approve(airflow, seen)
        runs = airflow.get("dags/~/dagRuns?limit=200")["dag_runs"]
        return runs if all(run["state"] in ("success", "failed") for run in runs) else None

    runs = airflow.wait("that all runs have ended", ended, 900)
    assert {run["dag_id"] for run in runs} == {dag["dag_id"] for dag in dags}
    failed = [run["dag_id"] for run in runs if run["state"] != "success"]
    assert not failed, [log(airflow, run) for run in runs if run["state"] != "success"]
    # What the tasks say they sent has arrived.
    with urlopen(f"{sandbox}/sandbox") as answer:
        (arrived,) = json.load(answer)["environments"].values()
    assert all(arrived[kind] for kind in ("accounts", "users", "events"))


def trigger(airflow, dag_id):
    """Do what the play button does; return whether Airflow's SQLite database was free for it."""
    try:
        airflow.get(f"dags/{dag_id}", {"is_paused": False}, method="PATCH")
        return airflow.get(f"dags/{dag_id}/dagRuns", {"logical_date": None})
    except HTTPError as error:
        if error.code != 500:
            raise
        return None


def approve(airflow, seen):
    """
    Approve what the examples ask a person, some seconds after it was first seen, as a person does.

    Airflow fails a task whose answer comes before the scheduler has heard that its first part has ended.
    """
    for question in airflow.get("dags/~/dagRuns/~/hitlDetails?response_received=false")["hitl_details"]:
        ti = question["task_instance"]
        if time.monotonic() - seen.setdefault(ti["id"], time.monotonic()) < SECONDS_TO_ANSWER:
            continue
        path = f"dags/{ti['dag_id']}/dagRuns/{ti['dag_run_id']}/taskInstances/{ti['task_id']}/-1/hitlDetails"
        airflow.get(path, {"chosen_options": ["Approve"], "params_input": {}}, "PATCH")


def log(airflow, run):
    """Return the end of the logs of the tasks of a run that failed."""
    path = f"dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances"
    tasks = [task["task_id"] for task in airflow.get(path)["task_instances"] if task["state"] == "failed"]
    return [(run["dag_run_id"], task, str(airflow.get(f"{path}/{task}/logs/1"))[-3000:]) for task in tasks]


def test_the_test_button_of_the_sandbox_s_connection_is_green(playground):
    airflow, _ = playground
    stored = airflow.get("connections/heap_default")
    assert stored["port"]
    # What the button sends.
    answer = airflow.get("connections/test", stored)
    assert (answer["status"], "Reached" in answer["message"]) == (True, True), answer
