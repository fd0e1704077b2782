"""A connection becomes a client; records go the way of the operators."""

from __future__ import annotations

import pytest

from airflow_provider_heap.exceptions import HeapConfigurationError, ModelError, TooManyRejectedError
from airflow_provider_heap.hooks.heap import HeapHook


@pytest.mark.parametrize(
    ("value", "app_id", "base_url", "timeout"),
    [
        ("heap://2388822444@", "2388822444", "https://heapanalytics.com", 30),
        ("heap://2388822444@/eu", "2388822444", "https://c.eu.heap-api.com", 30),
        ("heap://2388822444@/eu?timeout=5", "2388822444", "https://c.eu.heap-api.com", 5),
        ("heap://1@proxy.example:8443/us", "1", "https://proxy.example:8443", 30),
        ("heap://1@http%3A%2F%2F127.0.0.1:8047", "1", "http://127.0.0.1:8047", 30),
        ({"conn_type": "heap", "login": "1"}, "1", "https://heapanalytics.com", 30),
        ({"conn_type": "heap", "login": "1", "extra": {"timeout": None}}, "1", "https://heapanalytics.com", 30),
        ({"conn_type": "heap", "login": "1", "host": "http://x", "port": 9}, "1", "http://x:9", 30),
    ],
)
def test_a_connection_is_read_from_uri_and_json(connect, value, app_id, base_url, timeout):
    found = connect(value).environment()
    assert (found.app_id, found.base_url, found.timeout) == (app_id, base_url, timeout)


def test_nothing_is_read_before_it_is_needed():
    HeapHook("no_such_connection")


def test_what_is_wrong_with_a_connection_names_it(connect):
    with pytest.raises(HeapConfigurationError, match=r"Connection 'heap_default': the App ID \(login\)"):
        connect({"conn_type": "heap", "login": "abc"}).get_conn()


def test_a_connection_of_another_type_is_not_taken_for_heap(connect):
    hook = connect({"conn_type": "postgres", "login": "1", "host": "db.example"})
    with pytest.raises(HeapConfigurationError, match="is of type 'postgres', and heap_conn_id takes one"):
        hook.environment()


def test_users_accounts_and_events_are_delivered_as_heap_wants_them(heap_sandbox):
    hook = HeapHook()
    report = hook.add_user_properties(
        [{"identity": 7, "properties": {"plan": "pro", "vip": True}}, {"identity": "ada", "properties": {"seats": 3}}]
    )
    assert (report["read"], report["sent"], report["requests"]) == (2, 2, 1)
    hook.add_account_properties([{"account_id": "a", "properties": {"x.y": {"z": None, "w": 1}}}, {"account_id": "b"}])
    hook.track(
        [
            {
                "event": "Order",
                "identity": "ada",
                "timestamp": "2026-01-01 10:00",
                "idempotency_key": "order-42",
                "properties": {"amount": 5},
            },
            {"event": "Visit", "user_id": 12, "session_id": "s1"},
        ]
    )
    assert heap_sandbox.users["7"] == {"plan": "pro", "vip": "true"}
    assert heap_sandbox.users["ada"] == {"seats": 3}
    assert heap_sandbox.accounts == {"a": {"x.y.w": 1}, "b": {}}
    order, visit = heap_sandbox.events
    assert order == {
        "event": "Order",
        "identity": "ada",
        "timestamp": "2026-01-01T10:00:00+00:00",
        "idempotency_key": "order-42",
        "properties": {"amount": 5},
    }
    assert visit.pop("idempotency_key")
    assert visit == {"event": "Visit", "user_id": "12", "session_id": "s1", "properties": {}}


def test_any_iterable_goes_out_in_full_batches(heap_sandbox):
    report = HeapHook().track(
        {"event": "E", "identity": f"u{n}", "idempotency_key": f"key-{n:06}"} for n in range(2001)
    )
    assert report["sent"] == 2001
    assert sorted(len(request.items) for request in heap_sandbox.requests) == [1, 1000, 1000]


@pytest.mark.parametrize("record", [{"event": "E"}, {"event": "E", "identity": "a", "user_id": 1}, {"identity": "a"}])
def test_a_record_that_heap_would_refuse_is_invalid_and_the_others_arrive(heap_sandbox, record):
    good = {"event": "E", "identity": "ada"}
    with pytest.raises(TooManyRejectedError) as error:
        HeapHook().track([good, record, good])
    assert (error.value.report["invalid"], error.value.report["sent"]) == (1, 2)
    assert len(heap_sandbox.events) == 2


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"identity": "ada", "plan": "pro"}, "Record 2 has 'plan', which is not a field"),
        ({"identity": "ada", "properties": ["plan"]}, "Record 2 must have its properties in a dict"),
        ("ada", "Record 2 must be a dict"),
        ({"identity": "ada", "properties": {"Id": 1}}, "does not allow a property named 'Id'"),
    ],
)
def test_a_record_of_another_shape_is_told_before_anything_is_sent(heap_sandbox, record, message):
    with pytest.raises(ModelError, match=message):
        HeapHook().add_user_properties([{"identity": "bob"}, record])
    assert heap_sandbox.requests == []


def test_users_are_deleted_and_the_status_of_the_request_is_asked_for(heap_sandbox):
    hook = HeapHook()
    hook.add_user_properties({"identity": name} for name in ("ada", "bob", "7"))
    report = hook.delete_users([{"identity": "ada"}, {"user_id": 7}, {"identity": "ada"}, {"identity": "nobody"}])
    assert (report["sent"], report["unchanged"], len(report["deletion_requests"])) == (3, 1, 1)
    assert list(heap_sandbox.users) == ["bob", "7"]
    [request_id] = report["deletion_requests"]
    assert hook.deletion_status(request_id) == "pending"
    heap_sandbox.deletions.pending = 0
    assert hook.deletion_status(request_id) == "complete"
    with pytest.raises(HeapConfigurationError, match="no such request"):
        hook.deletion_status("unknown")


@pytest.mark.parametrize(
    ("record", "reason"), [({}, "person_missing"), ({"identity": "ada", "user_id": 7}, "person_twice")]
)
def test_a_record_names_one_user(heap_sandbox, record, reason):
    with pytest.raises(TooManyRejectedError) as error:
        HeapHook().delete_users([record])
    assert error.value.report["reasons"] == {reason: 1}
    with pytest.raises(ModelError, match=r"a Heap user deletion \(identity, user_id\)\.$"):
        HeapHook().delete_users([{"identity": "ada", "properties": {}}])
    assert heap_sandbox.requests == []
