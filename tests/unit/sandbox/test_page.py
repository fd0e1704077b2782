"""The sandbox's page in a real browser."""

from __future__ import annotations

import shutil

import pytest
import requests

from airflow_provider_heap.api.objects import ACCOUNT, EVENT, OBJECTS, USER
from airflow_provider_heap.sandbox import Faults, Sandbox
from tests.conftest import _absent
from tests.unit.sandbox.client import DEVICE, REFUND, event, post


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _absent("no Playwright (pip install playwright)")
    path = shutil.which("chromium") or _absent("no Chromium on the PATH")
    playwright = sync_playwright().start()
    browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
    yield browser
    browser.close()
    playwright.stop()


@pytest.fixture
def page(browser, heap_sandbox):
    """The sandbox's page; whatever goes wrong in it fails the test."""
    wrong = []
    page = browser.new_page()
    page.set_default_timeout(120_000)
    # The browser tells of each answer that is not a 2xx; the sandbox's 400 is one that tests ask for.
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" and " 400 " not in said.text else 0)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: request.url.startswith(heap_sandbox.url) or wrong.append(request.url))
    page.goto(heap_sandbox.url)
    page.get_by_text("live. 0 requests").wait_for()
    yield page
    page.close()
    assert not wrong


def row(page, text):
    """The row of the table that holds a text."""
    return page.locator("tbody tr", has_text=text)


def test_what_arrives_shows_without_losing_what_one_types_or_opened(page, heap_sandbox):
    post(heap_sandbox, USER, {"identity": "bob", "properties": {"about": "long " * 100}})
    row(page, "bob").locator("summary").click()
    page.get_by_label("Wait before each answer").fill("2.5")
    post(heap_sandbox, USER, {"identity": "ada", "properties": {"plan": "pro", "seats": 3}})
    row(page, "ada").wait_for()
    assert row(page, "ada").inner_text().split() == ["ada", "Its", "requests", "plan", "pro", "seats", "3"]
    assert row(page, "bob").locator("details").get_attribute("open") is not None
    assert page.get_by_label("Wait before each answer").input_value() == "2.5"
    assert page.get_by_role("tab", name="Users 2").is_visible()


def test_each_kind_has_its_table(page, heap_sandbox):
    post(heap_sandbox, ACCOUNT, {"account_id": "acme", "properties": {"mrr": 4900.5}})
    post(heap_sandbox, EVENT, event(timestamp="2026-11-20T09:15:00+01:00", idempotency_key="key-of-42"))
    post(heap_sandbox, EVENT, event(identity=""))
    page.get_by_role("tab", name="Accounts").click()
    row(page, "acme").get_by_text("4900.5").wait_for()
    page.get_by_role("tab", name="Accounts").press("ArrowRight")
    row(page, "key-of-42").get_by_text("2026-11-20T09:15:00+01:00").wait_for()
    page.get_by_role("tab", name="Requests").click()
    row(page, "400 postBody.events[0].identity should be a non-empty string").wait_for()


def test_a_deletion_has_a_row_and_shows_when_it_is_complete(page, heap_sandbox):
    heap_sandbox.deletions.pending = 10_000
    heap_sandbox.deletions.add("123", 2000)
    page.get_by_role("tab", name="Deletions").click()
    row(page, "pending").get_by_text("2,000").wait_for()
    assert page.locator("th").all_inner_texts() == ["No.", "At", "Request ID", "App ID", "Users", "Status"]
    heap_sandbox.deletions.pending = 0
    row(page, "complete").get_by_text("123").wait_for()


def test_what_arrived_is_text_and_never_html(page, heap_sandbox):
    nasty = "<img src=x onerror=alert(1)>"
    post(heap_sandbox, USER, {"identity": nasty, "properties": {nasty: f"</dd><script>{nasty}</script>"}})
    post(heap_sandbox, EVENT, event(event=nasty, identity="مريم", properties={"emoji": "👩‍👩‍👧", "rtl": "שלום"}))
    row(page, nasty).get_by_text(f"</dd><script>{nasty}</script>").wait_for()
    page.get_by_role("tab", name="Events").click()
    row(page, nasty).get_by_text("👩‍👩‍👧").wait_for()
    page.get_by_role("tab", name="Requests").click()
    row(page, "/api/track").wait_for()
    assert page.locator("img, main script").count() == 0


def test_a_search_and_pages_are_the_server_s_work(page, heap_sandbox):
    post(heap_sandbox, USER, *[{"identity": f"u{n}", "properties": {"n": n}} for n in range(120)])
    row(page, "u119").wait_for()
    assert page.locator("tbody tr").count() == 50
    page.get_by_role("button", name="Older").click()
    row(page, "u69").wait_for()
    post(heap_sandbox, USER, {"identity": "late"})
    page.get_by_role("tab", name="Users 121").wait_for()
    assert row(page, "u69").is_visible()
    page.get_by_label("Search").fill("U7")
    row(page, "u79").wait_for()
    page.locator("tbody").get_by_text("u69").wait_for(state="detached")
    assert page.locator("tbody tr").count() == 11
    page.get_by_label("Search").fill("nobody")
    page.get_by_text("No row contains that text.").wait_for()


def test_faults_are_set_refused_and_taken_back(page, heap_sandbox):
    page.get_by_label("With status").first.fill("503")
    page.get_by_label("Only every n-th request").fill("2")
    page.get_by_label("Retry-After").fill("1.5")
    page.get_by_label("by cutting the connection").select_option("before the items are taken")
    page.get_by_label("Requests with one of these keys").fill("ada\nbob smith\n")
    page.get_by_label("With 413 above").fill("5000")
    page.get_by_label("With 429 over Heap's limits").check()
    page.get_by_role("button", name="Apply").click()
    page.get_by_text("Applied.", exact=True).wait_for()
    expected = Faults(
        status=503,
        every=2,
        retry_after=1.5,
        reset="before",
        refuse=["ada", "bob smith"],
        max_bytes=5000,
        enforce_pace=True,
    )
    assert heap_sandbox.faults.as_dict() == expected.as_dict()
    page.get_by_text("In force: 0 requests failed so far.").wait_for()
    # What the browser would not let through is refused by the server in words.
    page.evaluate("setFaults({every: 0}, '')")
    page.get_by_text("every 1 or more").wait_for()
    page.get_by_role("button", name="Let all succeed").click()
    page.locator("#failing", has_text="All requests succeed.").wait_for()
    assert heap_sandbox.faults.as_dict() == Faults().as_dict()
    assert page.get_by_label("Only every n-th request").input_value() == ""


def test_faults_show_how_often_they_still_apply(page, heap_sandbox):
    heap_sandbox.faults = Faults(status=503, times=2, seconds=3600)
    failing = page.locator("#failing")
    page.locator("#failing", has_text="In force: 0 requests failed so far, 2 more will, for 3").wait_for()
    for _ in range(2):
        post(heap_sandbox, USER, {"identity": "ada"})
    page.locator("#failing", has_text="No more requests fail: 2 requests failed so far.").wait_for()
    post(heap_sandbox, USER, {"identity": "ada"})
    row(page, "ada").wait_for()
    assert "2 requests failed" in failing.inner_text()


def test_a_request_opens_to_its_body_and_answer(page, heap_sandbox):
    post(heap_sandbox, USER, *[{"identity": f"u{n}", "properties": {"n": n}} for n in range(25)])
    heap_sandbox.faults = Faults(status=503)
    post(heap_sandbox, EVENT, event(identity="eve"))
    page.get_by_role("tab", name="Requests").click()
    first = page.locator("tbody tr", has_text="/api/add_user_properties").get_by_role("button", name="Request 1")
    first.click()
    details = page.locator("tr.details")
    details.get_by_text('"identity": "u19"').wait_for()
    assert details.get_by_text("and 5 more items").is_visible()
    assert details.get_by_text("200 {}").is_visible()
    # It stays open when another one arrives.
    post(heap_sandbox, USER, {"identity": "late"})
    page.get_by_role("tab", name="Requests 3").wait_for()
    page.get_by_role("button", name="Request 3").wait_for()
    assert details.count() == 1
    first.click()
    details.wait_for(state="detached")
    row(page, "/api/track").get_by_role("button").click()
    details.get_by_text("503 told to fail").wait_for()
    assert details.get_by_text("nothing was kept").is_visible()


def test_a_user_and_an_event_are_followed_through_their_requests(page, heap_sandbox):
    post(heap_sandbox, USER, {"identity": "ada"}, {"identity": "bob"})
    post(heap_sandbox, USER, {"identity": "bob"})
    post(heap_sandbox, EVENT, event(identity="ada", idempotency_key="order-42"))
    row(page, "ada").get_by_role("button", name="Its requests").click()
    page.get_by_text("Requests that have ada").wait_for()
    page.locator("tbody tr", has_text="/api/track").wait_for()
    assert page.locator("tbody button.open").all_inner_texts() == ["3", "1"]
    page.get_by_role("button", name="Show all requests").click()
    page.locator("tbody tr").nth(2).wait_for()
    page.get_by_role("tab", name="Events").click()
    page.get_by_role("button", name="Its requests").click()
    page.get_by_text("Requests that have order-42").wait_for()
    page.locator("tbody tr").nth(1).wait_for(state="detached")
    assert page.locator("tbody button.open").all_inner_texts() == ["3"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
def test_nothing_is_wider_than_the_screen(page, heap_sandbox, width, scheme):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    long = "x" * 300
    post(heap_sandbox, ACCOUNT, {"account_id": long[:200], "properties": {long[:100]: long}})
    post(heap_sandbox, USER, {"identity": f"{long[:100]}@example.com", "properties": {"Company ID": 1, "Plan": "pro"}})
    post(
        heap_sandbox, EVENT, event(event=long[:150], idempotency_key=long[:64], properties={"Amount": 5, "Text": long})
    )
    post(heap_sandbox, EVENT, event(identity=""))
    heap_sandbox.deletions.add("123", 2000)
    for name in ("Users", "Accounts", "Events", "Deletions", "Requests"):
        page.get_by_role("tab", name=name).click()
        page.locator("tbody tr").first.wait_for()
        if name == "Requests":
            page.locator("tbody button.open").last.click()
            page.locator("tr.details pre").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    # A request is not a tower of letters.
    assert page.locator("tbody tr").first.bounding_box()["height"] < 250


def test_faults_that_were_set_elsewhere_show(page, heap_sandbox):
    requests.post(f"{heap_sandbox.url}/sandbox/faults", json={"latency": 0.25, "refuse": ["eve"]}, timeout=120)
    page.get_by_text("In force.", exact=True).wait_for()
    assert page.get_by_label("Wait before each answer").input_value() == "0.25"
    assert page.get_by_label("Requests with one of these keys").input_value() == "eve"


def test_each_app_id_is_looked_at_alone_and_all_is_forgotten_together(page, heap_sandbox):
    post(heap_sandbox, USER, {"identity": "ada"}, app_id="1")
    post(heap_sandbox, USER, {"identity": "eve"}, app_id="2")
    page.get_by_label("App ID").select_option("2")
    row(page, "eve").wait_for()
    assert row(page, "ada").count() == 0
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete everything").click()
    page.get_by_text("No users yet.").wait_for()
    assert not heap_sandbox.requests


def test_a_new_object_has_its_tab_and_its_table(browser):
    with Sandbox(objects=[*OBJECTS, REFUND, DEVICE]) as sandbox:
        page = browser.new_page()
        page.set_default_timeout(120_000)
        page.goto(sandbox.url)
        post(sandbox, REFUND, {"refund_id": "r-7", "identity": "ada"})
        post(sandbox, DEVICE, {"device_id": "d-8", "properties": {"os": "x"}})
        page.get_by_role("tab", name="Refunds 1").click()
        row(page, "r-7").get_by_text("ada").wait_for()
        assert page.locator("th").all_inner_texts() == ["Refund ID", "Who", "Properties"]
        page.get_by_role("tab", name="Devices 1").click()
        row(page, "d-8").get_by_text("os").wait_for()
        assert page.locator("th").all_inner_texts() == ["Device ID", "Properties"]
        page.close()
