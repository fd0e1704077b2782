"""A run of our own operators, from the page's button to its result there, and in the log: nothing is made up."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from tests.conftest import ROOT
from tests.system.dags import AIRFLOW_2
from tests.system.page_browser import chromium, picture, row
from tests.system.standalone import standalone

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(AIRFLOW_2, reason="the UI of Airflow 2 has no place for the page"),
]


@pytest.fixture
def airflow(tmp_path, heap_sandbox):
    """A running Airflow with the demo, unpaused."""
    dags = tmp_path / "dags"
    dags.mkdir()
    shutil.copy(ROOT / "dags" / "heap_demo.py", dags)
    connections = {
        "AIRFLOW_CONN_HEAP_DEMO_WAREHOUSE": json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "demo.db")}),
        "AIRFLOW_CONN_HEAP_DEFAULT": json.dumps({"conn_type": "heap", "login": "2388822444", "host": heap_sandbox.url}),
    }
    settings = {
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db?timeout=120",
        # On a busy machine a task may not start in time, or not get through to the database.
        "AIRFLOW__CORE__DEFAULT_TASK_RETRIES": "3",
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
        # The demo keeps its rejects files in the folder for temporary files.
        "TMPDIR": str(tmp_path),
        "AIRFLOW__HEAP__REJECTS_ROOTS": str(tmp_path / "heap-demo-rejects"),
    }
    with standalone(tmp_path, dags, **settings, **connections) as running:
        yield running


@pytest.fixture
def page():
    """A page of a headless browser."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(120_000)
        yield page


def test_a_run_that_was_started_on_the_page_ends_on_it(airflow, heap_sandbox, page):
    airflow.wait("that the DAG is read", lambda: airflow.get("dags?dag_id_pattern=heap_demo")["dags"])
    page.goto(f"{airflow.url}/plugin/heap")
    row(page, "heap_demo.users").get_by_text("Not run yet").wait_for()
    row(page, "heap_demo.users").get_by_role("link", name="heap_demo.users").click()
    page.get_by_text("It has not run yet.").first.wait_for()
    page.get_by_role("button", name="Start a run").click()
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text(re.compile("Run .* was started")).wait_for()

    # Nobody loads the page again: it follows the run.
    page.get_by_text("7 read · 5 sent · 2 invalid").wait_for(timeout=300_000)
    assert set(heap_sandbox.users) == {"ada@example.com", "grace@example.com", "jürgen@example.com", "yuki@example.com"}
    page.get_by_text("2 rows were refused in the last run.").wait_for()
    facts = page.locator(".hp-facts").inner_text()
    assert f"2388822444 ({heap_sandbox.url})" in facts
    assert "users (update or create)" in facts
    mapping = page.get_by_role("table", name="Mapping")
    mapping.get_by_text("{{ first }} {{ last or '' }} (template)").wait_for()
    assert "“heap_demo of manual__" in mapping.inner_text()
    page.get_by_role("button", name="Show the 2 rows that did not arrive").click()
    rows = page.get_by_role("table", name="Rows that did not arrive")
    rows.wait_for()
    assert "identity_null" in rows.inner_text()
    assert "has no email, so Heap could not tell who it is" in rows.inner_text()
    page.get_by_role("link", name="In Heap").wait_for()

    page.get_by_role("link", name="Log", exact=True).click()
    page.get_by_text("rows/s sent").wait_for()
    picture(page, "run-log")
    # The recap is one record, and Airflow's UI shows it as the table that it is.
    lines = [" ".join(line.split()) for line in page.locator("body").inner_text().splitlines()]
    recap = lines[lines.index("rows read 7") :]
    assert recap[:7] == [
        "rows read 7",
        "unchanged 0",
        "invalid 2",
        "identity_null 1",
        "identity_blank 1",
        "rejected 0",
        "sent 5",
    ]
    page.get_by_role("link", name="Details").click()
    page.get_by_role("link", name="Sync history").click()
    page.get_by_text("7 read · 5 sent · 2 invalid").wait_for()
