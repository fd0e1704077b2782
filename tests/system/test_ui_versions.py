"""The page Heap on the versions of Airflow that have a place for it, with each of Airflow's auth managers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import pytest

from tests.system.airflow_versions import VERSIONS, python_of
from tests.system.dags import AIRFLOW_2
from tests.system.page_browser import chromium, contrast, pages_of, row, status_words, too_wide
from tests.system.page_server import PageServer, started_server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(AIRFLOW_2, reason="the UI of Airflow 2 has no place for the page"),
]

SYNC = "plugin/heap?dag_id=crm&task_id=users"
PERSON = "ada@example.com"
FORBIDDEN = "Rows are personal data: only users who may edit this task instance see them."
SHOW = "Show the 3 rows that did not arrive"


@dataclass
class Airflow:
    """
    Two API servers of one version, with one database.

    :param simple: with Airflow's own auth manager, below a base path.
    :param fab: with that of FAB.
    """

    simple: PageServer
    fab: PageServer


@pytest.fixture(scope="module", params=VERSIONS)
def airflow(request, tmp_path_factory):
    """An Airflow with syncs that ran 500 times."""
    python, home = python_of(request.param), tmp_path_factory.mktemp("airflow")
    with (
        started_server(home, python=python, fab=True) as fab,
        started_server(home, python=python, base_path="/af") as simple,
    ):
        fab.wait()
        simple.wait()
        yield Airflow(simple, fab)


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    with chromium() as running:
        yield running


@pytest.fixture
def open_page(browser):
    """Return a page of Airflow's UI as a user sees it."""
    with pages_of(browser) as open_as:
        yield open_as


def test_the_page_is_in_the_menu_and_refused_rows_are_three_clicks_away(airflow, open_page):
    page = open_page("user", at=airflow.simple)
    page.get_by_role("button", name="Browse").click()
    page.get_by_role("menuitem", name="Heap").click()
    page.wait_for_url(re.compile("/af/plugin/heap$"))
    row(page, "crm.users").get_by_role("link", name="3 refused").click()
    rows = page.get_by_role("table", name="Rows that did not arrive")
    rows.wait_for()
    assert "identity_null" in rows.inner_text()
    assert PERSON in rows.inner_text()
    assert page.get_by_role("link", name="Log").get_attribute("href") == "/af/dags/crm/runs/scheduled__0500/tasks/users"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_list_is_readable_in_both_themes_and_fits_a_phone(airflow, open_page, theme):
    page = open_page("viewer", "plugin/heap", at=airflow.simple, theme=theme)
    row(page, "crm.users").wait_for()
    assert status_words(page, "shop.shoppers", "crm.accounts", "shop.refunds", "crm.users") == {
        "shop.shoppers": "Failed",
        "crm.accounts": "Stopped sending",
        "shop.refunds": "No rows",
        "crm.users": "Rows refused",
    }
    for selector in (".hp-bad", ".hp-good", ".hp-warn", ".hp-plain", ".hp-quiet", ".hp-name", ".hp-refused", ".hp h1"):
        assert contrast(page, selector) >= 4.5, selector
    page.set_viewport_size({"width": 400, "height": 900})
    page.wait_for_function("getComputedStyle(document.querySelector('.hp-cards thead')).display === 'none'")
    assert too_wide(page) == []


def test_500_runs_a_failed_one_a_custom_xcom_and_a_mapped_sync(airflow, open_page):
    page = open_page("viewer", SYNC, at=airflow.simple)
    page.get_by_role("button", name="Show earlier runs").click()
    page.wait_for_function("document.querySelectorAll('.hp-chart g').length === 500")
    page.get_by_role("table", name="Mapping").get_by_text("“crm” (constant)").wait_for()
    page.get_by_role("button", name=SHOW).click()
    page.get_by_text(FORBIDDEN).wait_for()
    assert PERSON not in page.content()
    page.goto(f"{airflow.simple.url}/{SYNC}&run_id=scheduled__0496")
    page.get_by_role("region", name="The run").get_by_text("failed", exact=True).wait_for()
    page.goto(f"{airflow.simple.url}/plugin/heap?dag_id=shop&task_id=elsewhere")
    page.get_by_text("The run left no counters that can be read").wait_for()
    page.goto(f"{airflow.simple.url}/plugin/heap?dag_id=shop&task_id=orders")
    instances = page.get_by_role("table", name="Instances")
    instances.wait_for()
    instances.get_by_role("button", name="2", exact=True).click()
    page.wait_for_function("document.querySelector('tr.hp-current') !== null")


def test_a_task_instance_has_a_tab_and_a_dry_run_is_started(airflow, open_page):
    page = open_page("user", "dags/crm/runs/scheduled__0499/tasks/users/plugin/heap-run", at=airflow.simple)
    page.get_by_role("region", name="The run").get_by_text("scheduled__0499").wait_for()
    page.goto(f"{airflow.simple.url}/{SYNC}")
    page.get_by_role("button", name="Start a run").click()
    page.get_by_label("Dry run: send nothing").check()
    with page.expect_request("**/dags/crm/dagRuns") as sent:
        page.get_by_role("button", name="Start a dry run").click()
    page.get_by_text(re.compile("Run .* was started")).wait_for()
    assert json.loads(sent.value.post_data) == {"logical_date": None, "conf": {"dry_run": True}}


def test_with_fab_a_viewer_sees_the_page_once_plugins_may_be_read(airflow, open_page):
    page = open_page("viewer", "plugin/heap", at=airflow.fab)
    page.get_by_text("404").first.wait_for()
    assert page.locator(".hp").count() == 0
    page = open_page("reader", f"{SYNC}&run_id=scheduled__0500", at=airflow.fab)
    page.get_by_role("button", name=SHOW).click()
    page.get_by_text(FORBIDDEN).wait_for()
    page = open_page("user", f"{SYNC}&run_id=scheduled__0500&rows=1", at=airflow.fab)
    page.get_by_role("table", name="Rows that did not arrive").get_by_text(PERSON).wait_for()


def test_with_fab_a_role_for_one_dag_sees_the_syncs_of_that_dag_only(airflow, open_page):
    page = open_page("crm", "plugin/heap", at=airflow.fab)
    row(page, "crm.users").wait_for()
    assert page.get_by_text("2 of 2 syncs").is_visible()
    page.goto(f"{airflow.fab.url}/plugin/heap?dag_id=shop&task_id=orders")
    page.get_by_text("You may not see this.").wait_for()
    page.goto(f"{airflow.fab.url}/{SYNC}&run_id=scheduled__0500&rows=1")
    page.get_by_text(FORBIDDEN).wait_for()
