"""The sandbox takes what Heap documents, refuses what it doesn't, and fails as it is told."""

from __future__ import annotations

import pytest
import requests

from airflow_provider_heap.api.objects import ACCOUNT, EVENT, USER
from airflow_provider_heap.sandbox import Faults, Sandbox
from airflow_provider_heap.sandbox.__main__ import in_words, main
from airflow_provider_heap.sandbox.pace import Arrivals


def post(sandbox, heap_object, *items, app_id="123"):
    """Send items in bulk; returns the answer."""
    return requests.post(
        sandbox.url + heap_object.endpoint, json={"app_id": app_id, heap_object.array_name: items}, timeout=10
    )


def event(**fields):
    return {"event": "Order", "identity": "ada", **fields}


def test_answers_are_those_that_heap_documents(heap_sandbox):
    assert post(heap_sandbox, USER, {"identity": "ada"}).text == "{}"
    assert post(heap_sandbox, EVENT, event()).text == "{}"
    answer = post(heap_sandbox, ACCOUNT, {"account_id": "a"})
    assert (answer.status_code, answer.text) == (200, "OK")


def test_properties_are_merged_and_the_last_value_wins(heap_sandbox):
    post(heap_sandbox, USER, {"identity": "ada", "properties": {"plan": "free", "seats": 1}})
    post(heap_sandbox, USER, {"identity": "ada", "properties": {"plan": "pro"}}, {"identity": "Ada"})
    assert heap_sandbox.users == {"ada": {"plan": "pro", "seats": 1}, "Ada": {}}


def test_of_an_idempotency_key_the_first_write_wins(heap_sandbox):
    post(heap_sandbox, EVENT, event(idempotency_key="k", properties={"n": 1}))
    assert post(heap_sandbox, EVENT, event(idempotency_key="k", properties={"n": 2})).status_code == 200
    assert [each["properties"] for each in heap_sandbox.events] == [{"n": 1}]
    assert heap_sandbox.environment().duplicates == 1


def test_each_app_id_is_an_environment_of_its_own(heap_sandbox):
    post(heap_sandbox, USER, {"identity": "ada"}, app_id="1")
    post(heap_sandbox, USER, {"identity": "bob"}, app_id="2")
    assert list(heap_sandbox.environment("2").users) == ["bob"]


def test_a_single_call_is_a_bulk_call_of_one(heap_sandbox):
    body = {"app_id": "123", "identity": "ada", "properties": {"plan": "pro"}}
    assert requests.post(heap_sandbox.url + USER.endpoint, json=body, timeout=120).ok
    assert heap_sandbox.users == {"ada": {"plan": "pro"}}


@pytest.mark.parametrize(
    ("heap_object", "item", "says"),
    [
        (USER, "ada", "users[0] should be object"),
        (USER, {}, "users[0].identity is required"),
        (USER, {"identity": ""}, "users[0].identity should be a non-empty string"),
        (USER, {"identity": 7}, "users[0].identity should be a non-empty string"),
        (USER, {"identity": "x" * 256}, "at most 255"),
        (USER, {"identity": "ada", "plan": "pro"}, "should not have plan"),
        (USER, {"identity": "ada", "properties": []}, "users[0].properties should be object"),
        (USER, {"identity": "ada", "properties": {"Id": 1}}, "properties.Id is not allowed"),
        (USER, {"identity": "ada", "properties": {"p": True}}, "properties.p should be a number or a string"),
        (USER, {"identity": "ada", "properties": {"p": None}}, "properties.p should be a number or a string"),
        (USER, {"identity": "ada", "properties": {"p": {}}}, "properties.p should be a number or a string"),
        (USER, {"identity": "ada", "properties": {"p": "x" * 1024}}, "fewer than 1024"),
        (USER, {"identity": "ada", "properties": {"x" * 1024: 1}}, "fewer than 1024"),
        (ACCOUNT, {"properties": {}}, "accounts[0].account_id is required"),
        (EVENT, {"identity": "ada"}, "events[0].event is required"),
        (EVENT, {"event": "E"}, "exactly one of identity, user_id"),
        (EVENT, event(user_id="1"), "exactly one of identity, user_id"),
        (EVENT, {"event": "E", "user_id": "x"}, "a number from 0 to 2^53 - 1"),
        (EVENT, event(timestamp="now"), "should be ISO 8601"),
        (EVENT, event(timestamp="2026-01-01T00:00:00"), "should have an offset"),
        (EVENT, {"event": "x" * 1025, "identity": "ada"}, "at most 1024"),
    ],
)
def test_one_bad_item_refuses_the_request_and_is_named(heap_sandbox, heap_object, item, says):
    answer = post(heap_sandbox, heap_object, item, {"identity": "bob", "account_id": "b"})
    assert answer.status_code == 400
    assert says in answer.text
    assert not heap_sandbox.users
    assert heap_sandbox.requests[0].taken is False


@pytest.mark.parametrize("app_id", ["", "abc", "1 2", 123, None])
def test_an_app_id_is_digits_in_a_string(heap_sandbox, app_id):
    assert "string of digits" in post(heap_sandbox, USER, {"identity": "ada"}, app_id=app_id).text


def test_a_request_holds_1000_items_at_most_and_one_at_least(heap_sandbox):
    assert post(heap_sandbox, USER, *[{"identity": str(n)} for n in range(1000)]).ok
    assert "at most 1000" in post(heap_sandbox, USER, *[{"identity": str(n)} for n in range(1001)]).text
    assert "non-empty array" in post(heap_sandbox, USER).text


def test_every_nth_request_fails_so_often_and_so_long(heap_sandbox):
    heap_sandbox.faults = Faults(status=503, every=3, times=2, retry_after=7)
    answers = [post(heap_sandbox, USER, {"identity": "ada"}) for _ in range(10)]
    assert [answer.status_code for answer in answers] == [200, 200, 503, 200, 200, 503, 200, 200, 200, 200]
    assert answers[2].headers["Retry-After"] == "7"
    heap_sandbox.faults = Faults(status=503, seconds=3600)
    assert post(heap_sandbox, USER, {"identity": "ada"}).status_code == 503
    heap_sandbox.faults._since -= 3601
    assert post(heap_sandbox, USER, {"identity": "ada"}).status_code == 200


@pytest.mark.parametrize(("moment", "taken"), [("before", 0), ("after", 1)])
def test_a_connection_is_cut_before_or_after_the_items_are_taken(heap_sandbox, moment, taken):
    heap_sandbox.faults = Faults(reset=moment)
    with pytest.raises(requests.ConnectionError):
        post(heap_sandbox, USER, {"identity": "ada"})
    assert len(heap_sandbox.users) == taken


def test_the_pace_of_heap_can_be_enforced_for_an_environment(heap_sandbox):
    heap_sandbox.faults = Faults(enforce_pace=True)
    statuses = [
        post(heap_sandbox, EVENT, *[event(identity=f"u{batch}-{n}") for n in range(1000)]).status_code
        for batch in range(16)
    ]
    assert statuses == [200] * 15 + [429]
    assert post(heap_sandbox, EVENT, event(), app_id="2").status_code == 200
    assert post(heap_sandbox, USER, {"identity": "ada"}).status_code == 200


def test_the_pace_of_heap_can_be_enforced_for_a_person(heap_sandbox):
    heap_sandbox.faults = Faults(enforce_pace=True)
    assert post(heap_sandbox, EVENT, *[event() for _ in range(999)]).status_code == 200
    answer = post(heap_sandbox, EVENT, event(), event(), event(identity="bob"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")
    single = {"app_id": "123", **event()}
    assert requests.post(heap_sandbox.url + EVENT.endpoint, json=single, timeout=120).status_code == 200
    assert requests.post(heap_sandbox.url + EVENT.endpoint, json=single, timeout=120).status_code == 429
    assert post(heap_sandbox, EVENT, event(identity="bob")).status_code == 200


def test_a_minute_later_heap_takes_as_much_again():
    arrivals, items = Arrivals(), [event() for _ in range(1000)]
    arrivals.take(EVENT, "1", items, now=0.0)
    assert arrivals.over(EVENT, "1", items[:1], now=59.9)
    assert not arrivals.over(EVENT, "1", items, now=60.0)


def test_faults_are_set_and_things_forgotten_over_http(heap_sandbox):
    url = heap_sandbox.url
    assert requests.post(f"{url}/sandbox/faults", json={"refuse": ["ada"]}, timeout=120).json()["refuse"] == ["ada"]
    assert post(heap_sandbox, USER, {"identity": "ada"}).status_code == 400
    wrong = requests.post(f"{url}/sandbox/faults", json={"refuze": ["ada"]}, timeout=120)
    assert (wrong.status_code, "no such fault: refuze" in wrong.text) == (400, True)
    requests.post(f"{url}/sandbox/reset", timeout=120)
    assert requests.get(f"{url}/sandbox", timeout=120).json()["requests"] == 0


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        ({"every": 0}, "every 1 or more"),
        ({"latency": -1}, "latency must be"),
        ({"latency": "slow"}, "Expected `float`, got `str`"),
        ({"every": 1.5}, "Expected `int`"),
        ({"reset": "never"}, "reset must be"),
        ({"status": 99}, "status must be"),
        ({"times": -1}, "times must be"),
        ({"refuse": "ada"}, "Expected `array`"),
        (["ada"], "an object"),
    ],
)
def test_faults_that_cannot_be_are_refused_and_change_nothing(heap_sandbox, faults, says):
    heap_sandbox.faults = Faults(max_bytes=7)
    answer = requests.post(f"{heap_sandbox.url}/sandbox/faults", json=faults, timeout=120)
    assert answer.status_code == 400
    assert says in answer.text
    assert heap_sandbox.faults.max_bytes == 7


def rows(sandbox, kind, **query):
    """Ask for a page of what arrived; returns the keys or numbers of its rows, and whether there are more."""
    found = requests.get(f"{sandbox.url}/sandbox/rows", params={"kind": kind, **query}, timeout=120).json()
    return [row.get("number", row.get("key")) for row in found["rows"]], found["more"]


def test_what_arrived_is_told_page_by_page_the_newest_first(heap_sandbox):
    post(heap_sandbox, EVENT, *[event() for _ in range(120)])
    assert rows(heap_sandbox, "events") == ([*range(120, 70, -1)], True)
    assert rows(heap_sandbox, "events", page=2) == ([*range(20, 0, -1)], False)
    assert rows(heap_sandbox, "events", page=3) == ([], False)
    assert rows(heap_sandbox, "requests") == ([1], False)


def test_a_user_who_was_written_to_last_stands_first(heap_sandbox):
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


@pytest.mark.parametrize(
    "query", [{"kind": "refunds"}, {"kind": "users", "page": "x"}, {"kind": "users", "page": "-1"}]
)
def test_a_page_that_there_is_not_is_refused(heap_sandbox, query):
    assert requests.get(f"{heap_sandbox.url}/sandbox/rows", params=query, timeout=120).status_code == 400


def test_much_that_arrived_is_told_in_little(heap_sandbox):
    for batch in range(100):
        post(heap_sandbox, EVENT, *[event(identity=f"u{batch}-{n}") for n in range(1000)])
    for asked in ("overview", "rows?kind=events", "rows?kind=users&search=u42-42", "rows?kind=events&page=1999"):
        answer = requests.get(f"{heap_sandbox.url}/sandbox/{asked}", timeout=120)
        assert len(answer.content) < 20_000


def test_the_page_and_the_words_tell_what_arrived(heap_sandbox, capsys):
    post(heap_sandbox, USER, {"identity": "<ada>", "properties": {"plan": "pro"}})
    post(heap_sandbox, EVENT, event(idempotency_key="k"), event(idempotency_key="k"))
    overview = requests.get(f"{heap_sandbox.url}/sandbox/overview", timeout=120).json()
    assert overview["environments"] == [{"app_id": "123", "users": 2, "accounts": 0, "events": 1, "duplicates": 1}]
    assert main(["--summary", heap_sandbox.url]) == 0
    said = capsys.readouterr().out
    assert said.strip() == in_words(heap_sandbox.summary())
    assert "holds 2 users, 0 accounts and 1 events (1 repeats of an event were ignored)" in said
    assert "user <ada>: plan = pro" in said


def test_nothing_is_left_of_a_sandbox_that_was_stopped():
    with Sandbox() as sandbox:
        url = sandbox.url
        assert requests.head(url, timeout=120).ok
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=120)
