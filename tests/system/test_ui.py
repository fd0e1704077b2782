"""The page Heap in a real browser, as people of each role see it."""

from __future__ import annotations

import json
import re

import pytest

from tests.system.dags import AIRFLOW_2
from tests.system.page_browser import chromium, contrast, pages_of, picture, row, status_words, too_wide
from tests.system.page_server import page_server

pytestmark = pytest.mark.skipif(AIRFLOW_2, reason="the UI of Airflow 2 has no place for the page")

SYNC = "plugin/heap?dag_id=crm&task_id=users"
USERS = f"{SYNC}&run_id=scheduled__0500"
#: A person whose row Heap refused.
PERSON = "ada@example.com"


def earlier(rows):
    """Return the text of a link to the refused rows of a day before yesterday."""
    return re.compile(f"^{rows} on ")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """An API server with syncs that ran 500 times."""
    with page_server(tmp_path_factory.mktemp("airflow")) as running:
        yield running


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    with chromium() as running:
        yield running


@pytest.fixture
def open_page(browser, server):
    """Return a page of Airflow's UI as a user sees it. What goes wrong in a script fails the test."""
    with pages_of(browser) as open_as:
        yield lambda user, path="", **options: open_as(user, path, at=server, **options)


def test_the_refused_rows_and_why_are_three_clicks_away(open_page):
    page = open_page("user")
    page.get_by_role("button", name="Browse").click()
    page.get_by_role("menuitem", name="Heap").click()
    row(page, "crm.users").get_by_role("link", name="3 refused").click()
    rows = page.get_by_role("table", name="Rows that did not arrive")
    rows.wait_for()
    assert [cells.inner_text().split("\n")[0].split("\t")[0] for cells in rows.locator("tbody tr").all()] == [
        "1,201",
        "1,207",
        "1,950",
    ]
    text = rows.inner_text()
    assert "identity_null" in text
    assert "The column has no value in these rows." in text
    assert PERSON in text
    assert "postBody.users[0].identity is not allowed" in text
    picture(page, "page-rows")
    page.get_by_role("link", name="All syncs").click()
    row(page, "crm.users").locator(".hp-fill-refused").click()
    rows.wait_for()
    page.get_by_role("button", name="Hide the rows").click()
    page.get_by_role("table", name="Runs").get_by_role("button", name="2", exact=True).click()
    rows.wait_for()


def test_the_refused_rows_of_all_runs_of_an_earlier_day_are_three_clicks_away(open_page):
    page = open_page("user")
    page.get_by_role("button", name="Browse").click()
    page.get_by_role("menuitem", name="Heap").click()
    row(page, "crm.users").get_by_role("link", name=earlier(9)).click()
    day = page.get_by_role("region", name="The day")
    day.get_by_text("24 runs, 9 rows that did not arrive").wait_for()
    tables = day.get_by_role("table", name="Rows that did not arrive")
    tables.nth(1).wait_for()
    assert [table.locator("tbody tr").count() for table in tables.all()] == [4, 5]
    picture(page, "page-day")
    day.get_by_role("table", name="Reasons").get_by_role("button", name="http_400").click()
    day.get_by_text("Only rows refused for http_400.").wait_for()
    page.wait_for_function(
        "document.querySelectorAll('[aria-label=\"Rows that did not arrive\"] tbody tr').length === 2"
    )
    assert day.get_by_text("postBody.users[0].identity is not allowed").count() == 2
    day.get_by_role("heading", level=3).first.get_by_role("button").click()
    page.get_by_role("region", name="The run").get_by_role("table", name="Rows that did not arrive").wait_for()
    page.get_by_role("button", name=re.compile("^← ")).click()
    day.get_by_role("button", name="All days").click()
    page.wait_for_function("document.querySelectorAll('.hp-chart g').length === 100")


def test_the_refused_rows_of_a_day_name_the_instance_of_a_mapped_sync(open_page):
    page = open_page("user", "plugin/heap")
    row(page, "shop.orders").get_by_role("link", name=earlier(2)).click()
    day = page.get_by_role("region", name="The day")
    day.get_by_role("table", name="Rows that did not arrive").wait_for()
    assert day.get_by_role("heading", level=3).inner_text().endswith("instance 1")


def test_a_viewer_sees_the_reasons_of_a_day_and_once_that_rows_are_not_for_everybody(open_page):
    page = open_page("viewer", "plugin/heap")
    row(page, "crm.users").get_by_role("link", name=earlier(9)).click()
    page.get_by_text("Rows are personal data: only users who may edit this task instance see them.").wait_for()
    page.get_by_role("table", name="Reasons").get_by_text("http_400").wait_for()
    page.wait_for_load_state("networkidle")
    assert page.get_by_text("Rows are personal data").count() == 1
    assert PERSON not in page.content()
    page.goto(re.sub(r"day=[\d-]+", "day=2020-02-02", page.url))
    page.get_by_text("No run was due on Sunday, February 2.").wait_for()
    page.get_by_role("button", name="All days").click()
    page.get_by_role("region", name="The run").wait_for()


def test_a_glance_says_which_sync_has_stopped_sending(open_page):
    page = open_page("viewer", "plugin/heap")
    row(page, "crm.accounts").wait_for()
    names = ("shop.shoppers", "crm.accounts", "shop.refunds", "crm.users", "shop.orders", "old.users")
    assert status_words(page, *names) == {
        "shop.shoppers": "Failed",
        "crm.accounts": "Stopped sending",
        "shop.refunds": "No rows",
        "crm.users": "Rows refused",
        "shop.orders": "OK",
        "old.users": "Paused",
    }
    assert "The last 5 runs sent nothing; before that, rows were sent." in row(page, "crm.accounts").inner_text()
    picture(page, "page-list")
    page.get_by_role("button", name="Need a look").click()
    page.get_by_text("4 of 7 syncs").wait_for()
    page.get_by_placeholder("Find a sync").fill("shop users")
    page.get_by_text("1 of 7 syncs").wait_for()
    page.get_by_placeholder("Find a sync").fill("nothing of the kind")
    page.get_by_role("button", name="Show all").click()
    page.get_by_text("7 of 7 syncs").wait_for()
    page.get_by_role("button", name="Sync", exact=True).click()
    page.locator("th[aria-sort=ascending]", has_text="Sync").wait_for()
    assert page.locator("tbody .hp-name").first.inner_text() == "crm.accounts"


def test_a_viewer_sees_why_but_no_row(open_page, server):
    page = open_page("viewer", USERS)
    page.get_by_role("table", name="Reasons").get_by_text("http_400").wait_for()
    answers = []
    page.on("response", lambda answer: "/heap/api/rejects" in answer.url and answers.append(answer.status))
    page.get_by_role("button", name="Show the 3 rows that did not arrive").click()
    page.get_by_text("Rows are personal data: only users who may edit this task instance see them.").wait_for()
    assert answers == [403]
    assert PERSON not in page.content()


def test_one_sync_has_its_history_its_mapping_and_its_facts(open_page):
    page = open_page("viewer", USERS)
    page.get_by_role("table", name="Mapping").get_by_text("“crm” (constant)").wait_for()
    facts = page.locator(".hp-facts").inner_text()
    recorded = "heap_sync_state (warehouse): 2,057 of the 2,060 rows of the last run are recorded"
    all_keys = "all keys: airflow heap state show crm users"
    for fact in ("users (update or create)", "2388822444 (us)", "email", "crm.users", recorded, all_keys):
        assert fact in facts
    asset = page.get_by_role("link", name="heap://heapanalytics.com/2388822444/users")
    assert re.fullmatch(r"/assets/\d+", asset.get_attribute("href"))
    mapping = [
        line.inner_text().split("\t")[-1]
        for line in page.get_by_role("table", name="Mapping").locator("tbody tr").all()
    ]
    assert mapping == ["email", "plan", "seats", "“crm” (constant)"]
    assert page.get_by_text("min_rows=1000").is_visible()
    assert page.get_by_role("table", name="Runs").locator("tbody tr").count() == 100
    picture(page, "page-sync")
    page.get_by_role("button", name="Show earlier runs").click()
    page.wait_for_function("document.querySelectorAll('.hp-chart g').length === 500")
    assert page.get_by_role("link", name="Log").get_attribute("href") == "/dags/crm/runs/scheduled__0500/tasks/users"


def test_a_failed_run_and_a_custom_xcom_say_so(open_page):
    page = open_page("viewer", f"{SYNC}&run_id=scheduled__0496")
    panel = page.get_by_role("region", name="The run")
    panel.get_by_text("failed", exact=True).wait_for()
    assert "0 sent" in panel.inner_text()
    page = open_page("viewer", "plugin/heap?dag_id=shop&task_id=elsewhere")
    page.get_by_text("The run left no counters that can be read").wait_for()


def test_the_instances_of_a_mapped_sync_are_added_up_and_open(open_page):
    page = open_page("user", "plugin/heap?dag_id=shop&task_id=orders")
    page.get_by_text("600 read · 600 sent").wait_for()
    instances = page.get_by_role("table", name="Instances")
    instances.wait_for()
    assert [line.inner_text().split("\t")[3] for line in instances.locator("tbody tr").all()] == ["100", "200", "300"]
    instances.get_by_role("button", name="2", exact=True).click()
    log = page.get_by_role("link", name="Log")
    page.wait_for_function("document.querySelector('tr.hp-current') !== null")
    assert log.get_attribute("href") == "/dags/shop/runs/scheduled__0500/tasks/orders/mapped/2"


def test_the_tab_of_a_task_instance_shows_its_run_and_of_another_task_that_it_is_not_a_sync(open_page):
    page = open_page("viewer", "dags/crm/runs/scheduled__0499/tasks/users/plugin/heap-run")
    page.get_by_role("region", name="The run").get_by_text("scheduled__0499").wait_for()
    answer = {"detail": "This is not a sync of the Heap provider, or its DAG is gone."}
    page = open_page("viewer")
    page.route("**/heap/api/history*", lambda route: route.fulfill(status=404, json=answer))
    page.goto(page.url.rstrip("/") + "/dags/crm/tasks/users/plugin/heap-sync")
    page.get_by_text("This task is not a sync of the Heap provider.").wait_for()


def test_a_run_is_started_as_a_dry_run_where_the_task_takes_it_from_the_run(open_page, server):
    page = open_page("user", USERS)
    page.get_by_role("button", name="Start a run").click()
    assert page.get_by_label(re.compile("Send all rows")).is_disabled()
    page.get_by_label("Dry run: send nothing").check()
    with page.expect_request("**/dags/crm/dagRuns") as sent:
        page.get_by_role("button", name="Start a dry run").click()
    page.get_by_text(re.compile("Run .* was started")).wait_for()
    assert json.loads(sent.value.post_data) == {"logical_date": None, "conf": {"dry_run": True}}
    page = open_page("viewer", USERS)
    page.get_by_role("button", name="Start a run").click()
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("You may not start this DAG.").wait_for()


def test_the_page_can_be_used_with_the_keyboard(open_page):
    page = open_page("viewer", f"{SYNC}&run_id=scheduled__0499")
    chart = page.get_by_role("slider", name="Run")
    chart.focus()
    before = chart.get_attribute("aria-valuenow")
    page.keyboard.press("ArrowLeft")
    page.get_by_role("region", name="The run").get_by_text("scheduled__0498").wait_for()
    assert int(chart.get_attribute("aria-valuenow")) == int(before) - 1
    assert "rows read" in chart.get_attribute("aria-valuetext")
    page.get_by_role("link", name="All syncs").focus()
    page.keyboard.press("Enter")
    row(page, "crm.users").wait_for()
    page.go_back()
    page.get_by_role("region", name="The run").get_by_text("scheduled__0498").wait_for()


@pytest.mark.parametrize("path", ["plugin/heap", f"{USERS}&rows=1", "plugin/heap?dag_id=shop&task_id=orders"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone_in_both_themes(open_page, path, theme):
    page = open_page("user", path, theme=theme, width=400)
    page.locator(".hp tbody tr").first.wait_for()
    assert too_wide(page) == []
    if path == "plugin/heap":
        picture(page, f"page-phone-{theme}")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_can_be_read_in_both_themes(open_page, theme):
    page = open_page("viewer", "plugin/heap", theme=theme)
    row(page, "crm.users").wait_for()
    for selector in (".hp-bad", ".hp-good", ".hp-warn", ".hp-plain", ".hp-quiet", ".hp-name", ".hp-refused", ".hp h1"):
        assert contrast(page, selector) >= 4.5, selector
    picture(page, f"page-list-{theme}")


def test_states_without_data_say_what_to_do(open_page):
    page = open_page("viewer")
    home = page.url.rstrip("/")
    page.route("**/heap/api/syncs", lambda route: route.fulfill(json={"syncs": []}))
    page.goto(f"{home}/plugin/heap")
    page.get_by_text("shows up here as soon as Airflow has parsed its DAG").wait_for()
    page.unroute("**/heap/api/syncs")
    page.route("**/heap/api/syncs", lambda route: route.abort())
    page.reload()
    page.get_by_text("Airflow's API server could not be reached.").wait_for()
    page.unroute("**/heap/api/syncs")
    page.get_by_role("button", name="Try again").click()
    row(page, "crm.users").wait_for()
    page.goto(f"{home}/plugin/heap?dag_id=old&task_id=users")
    page.get_by_text("It has not run yet: its DAG is paused.").wait_for()
    page.goto(f"{home}/plugin/heap?dag_id=gone&task_id=users")
    page.get_by_text("This is not a sync of the Heap provider, or its DAG is gone.").wait_for()


def test_an_error_of_the_page_leaves_airflow_as_it_is(open_page):
    page = open_page("viewer")
    page.route(
        "**/heap/api/syncs", lambda route: route.fulfill(json={"syncs": [{"status": {"name": "ok"}, "bars": 7}]})
    )
    page.goto(f"{page.url.rstrip('/')}/plugin/heap")
    page.get_by_text("The page Heap met an error of its own. Syncs are not affected by it.").wait_for()
    assert page.get_by_role("button", name="Browse").is_visible()


def test_a_value_is_text_and_never_html_or_a_script(open_page):
    page = open_page("user")
    nasty = "<img src=x onerror=window.hacked=1>"
    line = {"row": 1, "kind": "invalid", "reason": nasty, "column": nasty, "values": {nasty: nasty}, "answer": nasty}
    page.route("**/heap/api/rejects*", lambda route: route.fulfill(json={"rows": [line], "more": False}))
    page.goto(f"{page.url.rstrip('/')}/{USERS}&rows=1")
    page.get_by_role("table", name="Rows that did not arrive").get_by_text(nasty).first.wait_for()
    assert page.evaluate("window.hacked") is None


def test_somebody_whose_session_ended_is_sent_to_the_login(open_page):
    page = open_page("viewer", USERS)
    page.get_by_role("region", name="The run").wait_for()
    page.context.clear_cookies()
    page.evaluate(
        "[...document.querySelectorAll('.hp button')].find(e => e.textContent.startsWith('Show the 3')).click()"
    )
    page.wait_for_url(re.compile("/auth/login"))
