"""Whatever arrived is shown page by page, and can be searched."""

from __future__ import annotations

import pytest
import requests

from airflow_provider_heap.api.objects import EVENT, USER
from airflow_provider_heap.sandbox.store import HeapEnvironment, Request
from airflow_provider_heap.sandbox.view import page, snapshot
from tests.unit.sandbox.client import event, post


def rows(sandbox, kind, **query):
    """Ask for a page of what arrived; return the keys or numbers of its rows, and whether there are more."""
    answer = requests.get(f"{sandbox.url}/sandbox/rows", params={"kind": kind, **query}, timeout=120).json()
    return [row.get("number", row.get("key")) for row in answer["rows"]], answer["more"]


def test_what_arrived_is_shown_page_by_page_the_newest_first(heap_sandbox):
    post(heap_sandbox, EVENT, *[event() for _ in range(120)])
    assert rows(heap_sandbox, "events") == ([*range(120, 70, -1)], True)
    assert rows(heap_sandbox, "events", page=2) == ([*range(20, 0, -1)], False)
    assert rows(heap_sandbox, "events", page=3) == ([], False)
    assert rows(heap_sandbox, "requests") == ([1], False)


def test_a_user_who_was_written_to_last_comes_first(heap_sandbox):
    post(
        heap_sandbox, USER, {"identity": "ada", "properties": {"plan": "pro"}}, {"identity": "bob"}, {"identity": "ada"}
    )
    assert rows(heap_sandbox, "users") == (["ada", "bob"], False)


def test_a_search_looks_at_keys_names_and_values_of_one_app_id(heap_sandbox):
    post(heap_sandbox, USER, {"identity": "ada"}, {"identity": "bob", "properties": {"Größe": 'so "groß"'}})
    post(heap_sandbox, USER, {"identity": "ada"}, app_id="2")
    for search in ("BOB", "GRÖSSE", 'O "groß"'):
        assert rows(heap_sandbox, "users", app_id="123", search=search) == (["bob"], False)
    assert rows(heap_sandbox, "users", app_id="2", search="bob") == ([], False)
    assert rows(heap_sandbox, "users", search="properties") == ([], False)


def test_pages_of_a_search_follow_each_other(heap_sandbox):
    post(heap_sandbox, EVENT, *[event(event="Odd" if n % 2 else "Even") for n in range(120)])
    assert rows(heap_sandbox, "events", search="even", page=1) == ([*range(19, 0, -2)], False)


def test_requests_of_a_user_or_an_event_are_found_by_whole_keys(heap_sandbox):
    post(heap_sandbox, USER, {"identity": "ada"}, {"identity": "bob"})
    post(heap_sandbox, USER, {"identity": "adam", "properties": {"boss": "ada"}})
    post(heap_sandbox, EVENT, event(identity="ada", idempotency_key="order-42"))
    assert rows(heap_sandbox, "requests", key="ada") == ([3, 1], False)
    assert rows(heap_sandbox, "requests", key="order-42") == ([3], False)
    assert rows(heap_sandbox, "requests", key="nobody") == ([], False)


def test_a_request_has_its_body_and_its_answer(heap_sandbox):
    post(heap_sandbox, USER, *[{"identity": f"u{n}"} for n in range(25)])
    requests.post(f"{heap_sandbox.url}/api/track", data=b"no JSON", timeout=120)
    url = f"{heap_sandbox.url}/sandbox/request"
    first = requests.get(url, params={"number": 1}, timeout=120).json()
    assert (len(first["body"]["users"]), first["more"], first["status"], first["taken"]) == (20, 5, 200, True)
    second = requests.get(url, params={"number": 2}, timeout=120).json()
    assert (second["body"], second["status"]) == ({"app_id": "", "events": []}, 400)
    for number in ("0", "3", "x"):
        assert requests.get(url, params={"number": number}, timeout=120).status_code == 400


@pytest.mark.parametrize(
    "query", [{"kind": "refunds"}, {"kind": "users", "page": "x"}, {"kind": "users", "page": "-1"}]
)
def test_an_unknown_kind_or_page_is_refused(heap_sandbox, query):
    answer = requests.get(f"{heap_sandbox.url}/sandbox/rows", params=query, timeout=120)
    assert answer.status_code == 400
    assert answer.text == "kind must be users, accounts, events, deletions or requests, and page 0 or more"


def test_a_page_is_small_however_much_arrived():
    environment = HeapEnvironment()
    for batch in range(100):
        environment.add(EVENT, [event(identity=f"u{batch}-{number}") for number in range(1000)])
    for kind, search, number in (("events", "", 0), ("events", "", 1999), ("users", "u42-42", 0)):
        rows = page(snapshot(kind, environment, []), search, number, epoch=0.0)["rows"]
        assert 0 < len(rows) <= 50


def test_a_request_is_a_row_without_its_items():
    request = Request(1, 5.0, "/api/track", "123", [event(), event()], 99, 200, "{}", True)
    [row] = page(snapshot("requests", HeapEnvironment(), [request]), "", 0, epoch=1000.0)["rows"]
    assert (row["number"], row["at"], row["items"], row["status"]) == (1, 1005.0, 2, 200)
