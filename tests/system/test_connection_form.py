"""A person in a browser makes the connection in Airflow's UI, tests it, starts a run with it and reads the log."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.conftest import _absent
from tests.system.dags import AIRFLOW_2
from tests.system.standalone import standalone

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(AIRFLOW_2, reason="the UI of Airflow 2 is another one; its form is tested as a unit"),
]

CHROMIUM = "/usr/bin/chromium"

DAG = """
from airflow.providers.common.compat.sdk import DAG
from airflow_provider_heap.operators.heap import HeapUserSyncOperator

with DAG(dag_id="users_to_heap", schedule=None, tags=["heap"], is_paused_upon_creation=False):
    HeapUserSyncOperator(
        task_id="sync_users", model="select email, plan, seats from users", sql_conn_id="warehouse", identity="email",
        properties={"Plan": "plan", "Seats": "seats"}, max_rejected=0.01,
    )
"""


@pytest.fixture
def airflow(tmp_path, warehouse):
    """A running Airflow with one DAG."""
    warehouse.users(2300)
    warehouse.table("more", [{"email": None, "plan": "pro", "seats": 1, "n": 0}])
    warehouse.run("insert into users select * from more")
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "users_to_heap.py").write_text(DAG)
    with standalone(tmp_path, dags, AIRFLOW_CONN_WAREHOUSE=os.environ["AIRFLOW_CONN_WAREHOUSE"]) as running:
        yield running


@pytest.fixture
def page():
    """A page of a headless browser, as high and wide as the pictures in the docs."""
    playwright = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).exists():
        _absent(f"no Chromium at {CHROMIUM} (apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(120_000)
        yield page


@pytest.fixture
def picture(page):
    """Keep what the browser shows for the docs: ``HEAP_PICTURES=docs/pictures`` says where."""

    def take(name):
        if folder := os.environ.get("HEAP_PICTURES"):
            page.wait_for_timeout(700)  # for what moves to its place
            page.screenshot(path=Path(folder) / f"{name}.png")

    return take


def labels(page):
    """Return the labels of the form's fields."""
    return [label.strip("\n* ") for label in page.get_by_role("dialog").locator("label").all_inner_texts()]


def test_a_connection_made_in_the_browser_serves_a_run_that_was_started_there(heap_sandbox, page, airflow, picture):
    def field(name):
        return page.locator(f"input[name={name}]")

    def button(name):
        return page.get_by_role("button", name=name, exact=True)

    page.goto(f"{airflow.url}/connections")
    button("Add Connection").click()
    field("connection_id").fill("heap_default")
    page.get_by_role("combobox").first.click()
    page.keyboard.type("Heap")
    page.get_by_role("option", name="Heap", exact=True).click()
    field("login").fill("2388822444")
    field("schema").fill("us")
    assert labels(page) == [
        "Connection ID",
        "Connection Type",
        "Description",
        "Host (sandbox or proxy)",
        "App ID",
        "API key",
        "Port",
        "Region",
        "Timeout (seconds)",
    ]
    assert field("password").get_attribute("type") == "password"
    field("password").fill(heap_sandbox.deletions.api_key)
    picture("connection-form")
    button("Extra Fields").click()
    assert field("element_timeout").input_value() == "30"
    button("Standard Fields").click()
    host, _, port = heap_sandbox.url.rpartition(":")
    field("host").fill(host)
    field("port").fill(port)
    button("Save").click()

    button("Test Connection").click()
    toast = page.locator("[data-scope=toast][data-part=root]").filter(has_text="Test Connection")
    toast.wait_for()
    assert f"Reached {heap_sandbox.url} (region us, App ID 2388822444); " in toast.inner_text()
    assert "The API key is right" in toast.inner_text()
    assert heap_sandbox.requests == []
    picture("connection-test")
    stored = airflow.get("connections/heap_default")
    assert (stored["login"], stored["schema"], stored["password"]) == ("2388822444", "us", "***")
    assert json.loads(stored["extra"]) == {"timeout": 30}

    def ended():
        runs = airflow.get("dags/users_to_heap/dagRuns")["dag_runs"]
        return next((run for run in runs if run["state"] in ("success", "failed")), None)

    airflow.wait("that the DAG is known", lambda: airflow.get("dags")["dags"])
    page.goto(f"{airflow.url}/dags/users_to_heap")
    page.get_by_role("button", name="Trigger").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Trigger").click()
    run = airflow.wait("that the run has ended", ended)
    assert run["state"] == "success"
    assert len(heap_sandbox.users) == 2300
    assert heap_sandbox.users["u7@example.com"] == {"Plan": "pro", "Seats": 7}

    page.goto(f"{airflow.url}/dags/users_to_heap/runs/{run['dag_run_id']}/tasks/sync_users")
    page.get_by_text("rows/s sent").wait_for()
    text = page.locator("body").inner_text()
    assert f"Heap is {heap_sandbox.url} (region us, App ID 2388822444, connection 'heap_default')" in text
    assert "Row 2301 is invalid: identity_null (column 'email')" in text
    page.get_by_role("link", name="Details").click()
    link = page.get_by_role("link", name="Heap", exact=True)
    link.wait_for()
    assert link.get_attribute("href") == f"{heap_sandbox.url}/"
    picture("run-details")
    page.goto(f"{airflow.url}/dags/users_to_heap")
    page.get_by_text("Last Dag Run").wait_for()
    picture("run-grid")
