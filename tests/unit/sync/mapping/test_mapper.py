"""The mapping by column against a plain one by cell, and the rules of design.md one by one."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.api.objects import ACCOUNT, EVENT, USER
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.mapping import Constant, FieldMapping, RowTemplate
from tests.unit.sync.mapping import reference

COLUMNS = ["identity", "insert_id", "at", "a", "c", "b"]

texts = st.text(max_size=20) | st.sampled_from(
    ["x" * 1023, "x" * 1024, "😀" * 512, "x" + "😀" * 511, '"', "\\", "\n", ","]
)
moments = st.datetimes(timezones=st.none() | st.just(UTC) | st.just(timezone(timedelta(hours=5, minutes=30))))
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.decimals(places=2, allow_nan=False, allow_infinity=False)
    | texts
    | st.characters()
    | moments
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.uuids()
    | st.binary(max_size=3)
)
plain = st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=5)
nested = st.dictionaries(st.text(max_size=3), plain | st.lists(plain, max_size=3), max_size=3) | st.lists(
    plain, max_size=3
)
typed = (
    st.booleans(),
    moments,
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.decimals(),
    st.decimals(places=2, min_value=-(10**17), max_value=10**17),
    st.floats(),
    st.dates(),
    st.uuids(),
)
keys = (
    st.none() | texts | st.integers() | st.floats() | st.decimals() | st.booleans() | st.uuids() | moments | st.dates()
)
timestamps = (
    st.none() | moments | st.dates() | st.integers() | moments.map(str) | moments.map(datetime.isoformat) | texts
)


def of_one_kind(*strategies):
    """Columns as databases give them, mostly of one type, and columns of anything."""
    return st.sampled_from([*strategies, st.one_of(*strategies)])


@st.composite
def chunks(draw):
    size = draw(st.integers(1, 8))
    columns = [
        draw(st.lists(kind, min_size=size, max_size=size))
        for kind in (
            draw(of_one_kind(texts, st.integers(), keys)),
            draw(of_one_kind(texts, st.integers(), keys)),
            draw(of_one_kind(moments, timestamps)),
            draw(of_one_kind(texts, st.integers(), st.floats(), st.none() | texts, scalars)),
            draw(of_one_kind(*(nullable for kind in typed for nullable in (kind, st.none() | kind)))),
            draw(of_one_kind(scalars, nested)),
        )
    ]
    return list(zip(*columns, strict=True))


def decoded(body):
    item = json.loads(body)
    item["timestamp"] = datetime.fromisoformat(item["timestamp"])
    return item


@given(chunks())
def test_a_chunk_mapped_by_column_equals_its_rows_mapped_cell_by_cell(rows):
    fields = {"event": Constant("Order"), "identity": "identity", "timestamp": "at", "idempotency_key": "insert_id"}
    mapped = FieldMapping(EVENT, fields).bind(COLUMNS).map(rows, first=1)
    expected = {}
    for number, row in enumerate(rows, start=1):
        try:
            expected[number] = reference.event(row, "Order", COLUMNS)
        except reference.Invalid:
            pass
    assert dict(zip(mapped.items.numbers, map(decoded, mapped.items.bodies), strict=True)) == expected
    assert [row.number for row in mapped.invalid] == sorted(set(range(1, len(rows) + 1)) - set(expected))


@given(chunks(), st.integers(1, 7))
def test_where_a_chunk_is_cut_changes_no_byte_of_an_item(rows, place):
    fields = {"event": Constant("Order"), "identity": "identity", "timestamp": "at", "idempotency_key": "insert_id"}
    bound = FieldMapping(EVENT, fields).bind(COLUMNS)
    whole = bound.map(rows, first=1).items.bodies
    parts = [bound.map(part, first=1).items.bodies for part in (rows[:place], rows[place:]) if part]
    assert whole == [body for part in parts for body in part]


def user(values, **options):
    """Map one row of a user: returns its properties, or the reason why it is invalid."""
    columns = ["who", *values]
    mapped = FieldMapping(USER, {"identity": "who"}, **options).bind(columns).map([("ada", *values.values())], first=1)
    if mapped.invalid:
        return mapped.invalid[0].reason
    return json.loads(mapped.items.bodies[0])["properties"]


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (True, "true"),
        (False, "false"),
        (0, 0),
        ("", ""),
        (2**53 - 1, 2**53 - 1),
        (2**53, "9007199254740992"),
        (-(2**53), "-9007199254740992"),
        (10**400, "1" + "0" * 400),
        (Decimal("19.90"), 19.9),
        (Decimal("5.00"), 5),
        (Decimal("1E+20"), 10**20),
        (Decimal("0.1234567890123456789"), "0.1234567890123456789"),
        (Decimal("1E+400"), "1E+400"),
        (datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05+00:00"),
        (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2026-01-02T03:04:05.000006+00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(3, 4), "03:04:00"),
        (timedelta(minutes=1, milliseconds=500), 60.5),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("😀" * 512, "😀" * 511),
    ],
)
def test_a_value_goes_out_as_the_design_says(value, sent):
    assert user({"p": value}) == {"p": sent}


@pytest.mark.parametrize("value", [Decimal("5.00"), Decimal("1E+20"), Decimal(9007199254740992)])
def test_a_whole_decimal_is_written_without_a_fraction(value):
    body = FieldMapping(USER, {"identity": "who"}).bind(["who", "p"]).map([("ada", value)], first=1).items.bodies[0]
    assert b"." not in body


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), float("-inf"), Decimal("NaN"), Decimal("sNaN")])
def test_what_is_null_is_left_out_or_sent_empty(value):
    assert user({"p": value}) == {}
    assert user({"p": value}, nulls="empty") == {"p": ""}


@pytest.mark.parametrize(
    "value", [b"x", bytearray(b"x"), memoryview(b"x"), {1, 2}, object(), "\ud800", {"k": b"x"}, [b"x"]]
)
def test_a_value_without_a_json_form_makes_the_row_invalid(value):
    assert user({"p": value}) == "no_json_form"


def test_a_naive_datetime_is_taken_to_be_in_the_timezone():
    assert user({"p": datetime(2026, 7, 1, 12)}, timezone="Europe/Berlin") == {"p": "2026-07-01T12:00:00+02:00"}


def test_nested_values_are_flattened_to_dotted_names_with_lists_joined():
    value = {"plan": {"name": "pro", "seats": 3, "none": None}, "tags": ["a", 1, True, None], "rows": [{"x": 1}]}
    assert user({"p": value}) == {
        "p.plan.name": "pro",
        "p.plan.seats": 3,
        "p.tags": "a||1||true",
        "p.rows": '[{"x":1}]',
    }


def test_nested_values_can_become_one_compact_text():
    assert user({"p": {"a": [1, True, None, Decimal("1.5")]}}, nested="json") == {"p": '{"a":[1,true,null,1.5]}'}


def test_a_nested_name_that_another_property_has_makes_the_row_invalid():
    assert user({"p": {"a": 1}, "p.a": 2}) == "name_collision"
    assert user({"p": {"a.b": 1, "a": {"b": 2}}}) == "name_collision"


def test_more_than_200_names_out_of_one_column_stop_the_sync():
    assert len(user({"p": {str(n): n for n in range(200)}})) == 200
    with pytest.raises(ModelError, match="'p' becomes more than 200"):
        user({"p": {str(n): n for n in range(201)}})


@pytest.mark.parametrize(
    ("value", "sent"),
    [(7, "7"), (7.0, "7"), (Decimal("7.00"), "7"), (UUID(int=7), str(UUID(int=7))), (date(2026, 1, 2), "2026-01-02")],
)
def test_a_key_is_text_whatever_its_type(value, sent):
    items = FieldMapping(ACCOUNT, {"account_id": "k"}).bind(["k"]).map([(value,)], first=1).items
    assert json.loads(items.bodies[0]) == {"account_id": sent, "properties": {}}
    assert items.keys == [sent]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "null"),
        (float("nan"), "null"),
        ("", "blank"),
        (" \t", "blank"),
        ("x" * 256, "too_long"),
        ("😀" * 128, "too_long"),
        (True, "type"),
        (1.5, "type"),
        (Decimal("1.5"), "type"),
        ([], "type"),
        (b"x", "type"),
        (Decimal("1E+999999"), "too_long"),
    ],
)
def test_a_key_that_cannot_be_one_makes_the_row_invalid(value, reason):
    mapped = FieldMapping(ACCOUNT, {"account_id": "k"}).bind(["k"]).map([(value,), ("ok",)], first=5)
    assert [(row.number, row.reason) for row in mapped.invalid] == [(5, f"account_id_{reason}")]
    assert list(mapped.items.numbers) == [6]


@pytest.mark.parametrize("value", [None, "", 1767225600, "1767225600", "20260101", "soon", "2026-13-01", 1.5, True])
def test_a_timestamp_that_cannot_be_read_makes_the_row_invalid(value):
    fields = {"event": Constant("E"), "identity": "who", "timestamp": "at", "idempotency_key": "who"}
    mapped = FieldMapping(EVENT, fields).bind(["who", "at"]).map([("ada", value)], first=1)
    assert mapped.invalid[0].reason in ("timestamp_null", "timestamp_unreadable")


def test_an_insert_id_as_it_stands_needs_eight_characters():
    fields = {"event": Constant("E"), "identity": "who", "idempotency_key": "k"}
    bound = FieldMapping(EVENT, fields, insert_id_scope="app").bind(["who", "k"])
    mapped = bound.map([("ada", "1234567"), ("ada", "12345678")], first=1)
    assert [row.reason for row in mapped.invalid] == ["idempotency_key_too_short"]
    assert mapped.items.keys == ["12345678"]


def test_the_same_insert_id_of_two_events_makes_two_keys_for_ever():
    fields = {"event": "what", "identity": "who", "idempotency_key": "k"}
    mapped = (
        FieldMapping(EVENT, fields)
        .bind(["who", "what", "k"])
        .map([("ada", "order", 42), ("ada", "refund", 42)], first=1)
    )
    # Written out: a release that changes them would count every event again.
    assert mapped.items.keys == ["b3fb8e198104839190ac9e85ee6574e7", "e7f7232dbd482c7df8b420214712081d"]


@pytest.mark.parametrize("user_id", ["-1", "1.5", "abc", str(2**53), "٣"])
def test_a_user_id_is_a_number_of_heaps(user_id):
    fields = {"event": Constant("E"), "user_id": "who", "idempotency_key": "who"}
    assert FieldMapping(EVENT, fields).bind(["who"]).map([(user_id,)], first=1).invalid[0].reason == "user_id_type"


def test_names_go_out_exactly_as_mapped():
    names = ['Plan "A"', "back\\slash", "new\nline", "ümläut 😀", "a.b", " spaced "]
    assert user(dict.fromkeys(names, 1)) == dict.fromkeys(names, 1)


def test_a_text_that_looks_like_the_json_around_it_stays_a_text():
    value = ',"properties":{,"plan":null'
    assert user({"plan": None, "p": value, value: "x"}) == {"p": value, value: "x"}


@pytest.mark.parametrize("name", ["id", "ID", "Id"])
def test_a_user_property_named_id_is_refused(name):
    with pytest.raises(ModelError, match="does not allow"):
        FieldMapping(USER, {"identity": "email"}).bind(["email", name])
    FieldMapping(ACCOUNT, {"account_id": "email"}).bind(["email", name])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"properties": "plan"}, "properties takes"),
        ({"properties": {"": "plan"}}, "needs a name"),
        ({"properties": {"x" * 1024: "plan"}}, "longer than"),
        ({"properties": {"p": 5}}, "takes a column's name"),
        ({"properties": {"p": Constant(b"x")}}, "no JSON form"),
        ({"properties": {"p": RowTemplate("{{ nope }}")}}, "'nope'"),
        ({"properties": {"p": RowTemplate("{{ nope")}}, "not Jinja"),
        ({"nulls": "keep"}, "nulls must be"),
        ({"nested": "deep"}, "nested must be"),
        ({"timezone": "Mars/Base"}, "timezone 'Mars/Base'"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused_before_a_row_is_read(options, message):
    with pytest.raises(ModelError, match=message):
        FieldMapping(USER, {"identity": "email"}, **options).bind(["email", "plan"])


def test_a_list_of_columns_keeps_the_names_as_written():
    bound = FieldMapping(USER, {"identity": "email"}, ["plan"]).bind(["EMAIL", "PLAN", "OTHER"])
    assert json.loads(bound.map([("ada", "pro", 1)], 1).items.bodies[0])["properties"] == {"plan": "pro"}


def test_constants_and_templates_stand_beside_columns():
    properties = {
        "Source": Constant("warehouse"),
        "Name": RowTemplate("{{ first }} {{ last }}"),
        "Year": RowTemplate("{{ born.year }}"),
    }
    bound = FieldMapping(USER, {"identity": "email"}, properties).bind(["email", "first", "LAST", "born"])
    mapped = bound.map([("ada", "Ada", None, date(1815, 1, 1)), ("bob", "Bob", "B", None)], 1)
    assert json.loads(mapped.items.bodies[0])["properties"] == {"Source": "warehouse", "Name": "Ada ", "Year": "1815"}
    assert [(row.number, row.reason) for row in mapped.invalid] == [(2, "template_error")]


def test_texts_that_were_cut_are_counted_for_the_rows_that_go_out():
    bound = FieldMapping(USER, {"identity": "email"}).bind(["email", "a", "b"])
    mapped = bound.map([("ada", "x" * 2000, "y" * 2000), (None, "x" * 2000, "")], 1)
    assert mapped.truncated == 2
