"""Records in Heap's own item shape become items; one of another shape is refused by its number."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.api.objects import ACCOUNT, EVENT, MAX_ITEMS, USER
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.mapping.records import open_records


def mapped(heap_object, records):
    """Return the items, and number and reason of the invalid records."""
    with open_records(heap_object, records) as rows:
        chunks = list(rows.chunks)
    items = [json.loads(body) for chunk in chunks for body in chunk.items.bodies]
    return items, [(row.number, row.reason) for chunk in chunks for row in chunk.invalid]


def refused(heap_object, records):
    """Return what is said about records of a wrong shape."""
    with pytest.raises(ModelError) as raised:
        mapped(heap_object, records)
    return str(raised.value)


def test_fields_and_properties_become_those_of_the_item():
    items, invalid = mapped(
        EVENT,
        [
            {
                "event": "Order",
                "identity": "ada",
                "timestamp": "2026-01-01 10:00",
                "session_id": "s1",
                "idempotency_key": "order-42",
                "properties": {"amount": 5, "vip": True},
            }
        ],
    )
    assert items == [
        {
            "event": "Order",
            "identity": "ada",
            "timestamp": "2026-01-01T10:00:00+00:00",
            "session_id": "s1",
            "idempotency_key": "order-42",
            "properties": {"amount": 5, "vip": "true"},
        }
    ]
    assert invalid == []


@pytest.mark.parametrize("properties", [{}, {"properties": None}, {"properties": {}}])
def test_a_record_may_be_without_properties(properties):
    assert mapped(USER, [{"identity": "ada", **properties}])[0] == [{"identity": "ada", "properties": {}}]


@pytest.mark.parametrize("properties", [0, False, "", [], (), "plan", ["plan"], 1.5, {"plan"}], ids=repr)
def test_properties_are_a_dict_and_nothing_else_however_empty(properties):
    message = refused(USER, [{"identity": "bob"}, {"identity": "ada", "properties": properties}])
    assert message == f"Record 2 must have its properties in a dict; found a {type(properties).__name__}."


@pytest.mark.parametrize(("records", "kind"), [({"identity": "ada"}, "dict"), ("ada", "str"), (b"ada", "bytes")])
def test_a_single_record_is_not_a_list_of_them(records, kind):
    assert refused(USER, records) == f"records must be a list, or another iterable of dicts; found one {kind}."


@pytest.mark.parametrize(
    ("records", "found"), [(None, "None"), (5, "one int"), (len, "one builtin_function_or_method")]
)
def test_what_cannot_be_iterated_is_refused(records, found):
    assert refused(USER, records) == f"records must be a list, or another iterable of dicts; found {found}."


@pytest.mark.parametrize("record", ["ada", None, 1, ["identity", "ada"]], ids=repr)
def test_a_record_is_a_dict(record):
    assert refused(USER, [record]) == f"Record 1 must be a dict; found a {type(record).__name__}."


def test_what_is_not_a_field_belongs_into_properties_and_the_message_says_so():
    message = refused(USER, [{"identity": "ada", "plan": "pro", 7: 1}])
    assert message == (
        "Record 1 has 7, 'plan', which is not a field of a Heap user (identity, properties). Put it into properties."
    )


def test_records_are_counted_over_all_chunks():
    records = [{"identity": f"u{n}"} for n in range(MAX_ITEMS)]
    assert refused(USER, [*records, "last"]).startswith(f"Record {MAX_ITEMS + 1} must be")
    _, invalid = mapped(USER, [*records, {"identity": None}])
    assert invalid == [(MAX_ITEMS + 1, "identity_null")]


def test_records_are_read_a_request_at_a_time():
    read = []

    def records():
        for number in range(3 * MAX_ITEMS):
            read.append(number)
            yield {"identity": f"u{number}"}

    with open_records(USER, records()) as rows:
        chunks = iter(rows.chunks)
        assert len(next(chunks)) == MAX_ITEMS
        assert len(read) == MAX_ITEMS


def test_nothing_is_made_of_no_records():
    assert mapped(USER, []) == ([], [])


def test_records_of_different_properties_keep_their_own():
    records = [
        {"account_id": "a", "properties": {"plan": "pro"}},
        {"account_id": "b", "properties": {"seats": 3}},
        {"account_id": "c"},
    ]
    assert [item["properties"] for item in mapped(ACCOUNT, records)[0]] == [{"plan": "pro"}, {"seats": 3}, {}]


def test_names_of_properties_are_taken_as_they_are_also_where_they_differ_by_case_or_name_a_field():
    properties = {"Plan": 1, "plan": 2, "identity": 3, "a.b": 4, "properties": 5}
    assert mapped(USER, [{"identity": "ada", "properties": properties}])[0][0]["properties"] == properties


@pytest.mark.parametrize("name", [1, None, "", " "], ids=repr)
def test_the_name_of_a_property_is_text(name):
    assert "A property needs a name of text" in refused(USER, [{"identity": "ada", "properties": {name: 1}}])


def test_what_heap_reserves_is_no_property():
    assert "does not allow a property named 'ID'" in refused(USER, [{"identity": "ada", "properties": {"ID": 1}}])


@given(st.dictionaries(st.text("abc.", min_size=1), st.integers(-5, 5) | st.none(), max_size=4))
def test_a_null_leaves_its_property_out(properties):
    items, _ = mapped(ACCOUNT, [{"account_id": "a", "properties": properties}])
    assert items[0]["properties"] == {name: value for name, value in properties.items() if value is not None}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"event": "E"}, "person_missing"),
        ({"event": "E", "identity": None, "user_id": None}, "person_missing"),
        ({"event": "E", "identity": "ada", "user_id": 1}, "person_twice"),
        ({"identity": "ada"}, "event_null"),
        ({"event": "E", "identity": "ada", "idempotency_key": "short"}, "idempotency_key_too_short"),
        ({"event": "E", "identity": "ada", "idempotency_key": ""}, "idempotency_key_blank"),
        ({"event": "E", "identity": "ada", "timestamp": "yesterday"}, "timestamp_unreadable"),
    ],
)
def test_a_record_that_heap_would_refuse_is_invalid_and_the_others_are_not(record, reason):
    good = {"event": "E", "user_id": 12}
    items, invalid = mapped(EVENT, [good, record, good])
    assert len(items) == 2
    assert invalid == [(2, reason)]


def test_what_is_optional_may_be_missing_or_null():
    optional = {"timestamp": None, "session_id": None, "idempotency_key": None, "user_id": None}
    items, invalid = mapped(EVENT, [{"event": "E", "identity": "ada"}, {"event": "E", "identity": "ada", **optional}])
    assert invalid == []
    for item in items:
        assert item.keys() == {"event", "identity", "idempotency_key", "properties"}


def test_an_event_without_a_key_gets_one_of_its_own_and_its_record_is_left_as_it_was():
    record = {"event": "E", "identity": "ada"}
    items, _ = mapped(EVENT, [record, record])
    first, second = (item["idempotency_key"] for item in items)
    assert first != second
    assert record == {"event": "E", "identity": "ada"}


@pytest.mark.parametrize("heap_object", [ACCOUNT, USER])
def test_accounts_and_users_get_no_key_of_their_own(heap_object):
    _, invalid = mapped(heap_object, [{}])
    assert invalid == [(1, f"{heap_object.key}_null")]
