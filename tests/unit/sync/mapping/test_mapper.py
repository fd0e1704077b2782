"""The mapping by column against a plain one by cell, and the rules of design.md one by one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.api.objects import EVENT, USER
from airflow_provider_heap.sync.mapping import Constant, FieldMapping, mapper
from tests.unit.sync.mapping import reference
from tests.unit.sync.mapping.mapped import user

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
    assert [*whole] == [body for part in parts for body in part]


def test_a_text_that_looks_like_the_json_around_it_stays_a_text():
    value = ',"properties":{,"plan":null'
    assert user({"plan": None, "p": value, value: "x"}) == {"p": value, value: "x"}


def test_texts_that_were_cut_are_counted_for_the_rows_that_go_out():
    bound = FieldMapping(USER, {"identity": "email"}).bind(["email", "a", "b"])
    mapped = bound.map([("ada", "x" * 2000, "y" * 2000), (None, "x" * 2000, "")], 1)
    assert mapped.truncated == 2


def test_no_rows_make_no_items():
    chunk = FieldMapping(USER, {"identity": "who"}).bind(["who"]).map([], first=1)
    assert (len(chunk), len(chunk.items)) == (0, 0)


def test_names_that_differ_from_chunk_to_chunk_are_no_matter_however_many_there_are(monkeypatch):
    monkeypatch.setattr(mapper, "MAX_ENCODERS", 3)
    bound = FieldMapping(USER, {"identity": "who"}).bind(["who", "p"])
    for name in [*"abcdef", "a"]:
        [body] = bound.map([("ada", {name: 1})], first=1).items.bodies
        assert json.loads(body)["properties"] == {f"p.{name}": 1}
        assert len(bound._encoders) <= 3
