"""A person sees in the browser what a sync is about to do, and approves or rejects it."""

from __future__ import annotations

import json
import os
import shutil
import sys

import pytest

from tests.conftest import ROOT
from tests.system.airflow_versions import python_of
from tests.system.dags import AIRFLOW_2
from tests.system.page_browser import chromium, picture
from tests.system.standalone import standalone

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(AIRFLOW_2, reason="Airflow has approvals since 3.1"),
]


#: The version that is installed, and the last ones of earlier minor versions.
VERSIONS = [None, "3.1.8", "3.2.2"]


@pytest.fixture(params=VERSIONS, ids=lambda version: version or "installed")
def airflow(request, tmp_path, warehouse, heap_sandbox):
    """A running Airflow with the example DAG, unpaused."""
    python = python_of(request.param) if request.param else sys.executable
    people = [{"email": f"user{n}@example.com", "plan": "pro", "seats": n} for n in range(40)]
    warehouse.table("people", [*people, {"email": None, "plan": "pro", "seats": 1}])
    dags = tmp_path / "dags"
    dags.mkdir()
    shutil.copy(ROOT / "dags" / "heap_approval.py", dags)
    connections = {
        "AIRFLOW_CONN_WAREHOUSE": os.environ["AIRFLOW_CONN_WAREHOUSE"],
        "AIRFLOW_CONN_HEAP_DEFAULT": json.dumps({"conn_type": "heap", "login": "2388822444", "host": heap_sandbox.url}),
    }
    settings = {
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        # On a busy machine a task may not get through to Airflow's SQLite database.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db?timeout=120",
        "AIRFLOW__CORE__DEFAULT_TASK_RETRIES": "3",
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
    }
    with standalone(tmp_path, dags, python=python, **settings, **connections) as running:
        yield running


@pytest.fixture
def page():
    """A page of a headless browser."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 1200})
        page.set_default_timeout(120_000)
        yield page


def states(airflow, run_id):
    """Return the states of the tasks of a run."""
    instances = airflow.get(f"dags/heap_approval/dagRuns/{run_id}/taskInstances")["task_instances"]
    return {instance["task_id"]: instance["state"] for instance in instances}


def start(airflow):
    """Start a run, and return its ID once it waits for a person."""
    airflow.wait("that the DAG is read", lambda: airflow.get("dags?dag_id_pattern=heap_approval")["dags"])
    run_id = airflow.get("dags/heap_approval/dagRuns", {"logical_date": None})["dag_run_id"]

    def waits():
        found = states(airflow, run_id)
        assert "failed" not in found.values(), found
        # Airflow 3.3 has a state of its own for it.
        return found.get("approve") in ("awaiting_input", "deferred")

    airflow.wait("that the run waits for a person", waits)
    return run_id


def answer(airflow, page, run_id, choice):
    """Open the task and click on an answer."""
    page.goto(f"{airflow.url}/dags/heap_approval/runs/{run_id}/tasks/approve/required_actions")
    airflow.wait_for_question("heap_approval", run_id, "approve")
    page.get_by_role("button", name=choice, exact=True).click()
    airflow.wait(
        "that the run has ended",
        lambda: airflow.get(f"dags/heap_approval/dagRuns/{run_id}")["state"] in ("success", "failed"),
    )


def test_a_person_reads_the_recap_and_approves_it_and_the_next_run_rejects_another(
    airflow, page, heap_sandbox, warehouse
):
    run_id = start(airflow)
    assert not heap_sandbox.requests
    page.goto(airflow.url)  # Airflow 3.1 forgets which page was wanted before the login
    page.get_by_role("button", name="Browse").wait_for()
    page.goto(f"{airflow.url}/dags/heap_approval/tasks/send")
    page.get_by_role("button", name="Documentation").click()
    documentation = page.get_by_role("dialog")
    documentation.get_by_text("update or create").wait_for()
    picture(page, "task-documentation")
    page.goto(f"{airflow.url}/dags/heap_approval/runs/{run_id}/tasks/approve/required_actions")
    page.get_by_text("Send these people to Heap?").first.wait_for()
    tables = [" ".join(text.split()) for text in page.get_by_role("table").all_inner_texts()]
    assert any("read 41 to be sent 40 … new 40 … changed 0 unchanged 0 invalid 1" in text for text in tables), tables
    assert any("identity column email Plan column plan Seats column seats" in text for text in tables), tables
    assert "user7@example.com" not in page.content()
    picture(page, "approval")
    answer(airflow, page, run_id, "Approve")
    assert states(airflow, run_id) == {"preview": "success", "approve": "success", "send": "success"}
    assert len(heap_sandbox.users) == 40

    warehouse.run("update people set plan = 'free' where seats < 5")
    sent = len(heap_sandbox.requests)
    run_id = start(airflow)
    page.goto(f"{airflow.url}/dags/heap_approval/runs/{run_id}/tasks/approve/required_actions")
    page.get_by_text("… changed").first.wait_for()
    answer(airflow, page, run_id, "Reject")
    assert states(airflow, run_id) == {"preview": "success", "approve": "success", "send": "skipped"}
    assert len(heap_sandbox.requests) == sent
    assert heap_sandbox.users["user1@example.com"]["Plan"] == "pro"
