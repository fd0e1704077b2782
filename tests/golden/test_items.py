"""Items, keys and timestamps stay what they are, to the byte."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest

from airflow_provider_heap.operators.heap import Constant, RowTemplate
from tests.golden.expectations import MOMENT, ORDERS, check, event, user


def bodies(folder):
    """Read the bodies that a dry run kept."""
    return [path.read_bytes().decode() for path in sorted(folder.rglob("*.json"))]


VALUES = [
    0,
    -7,
    2**53 - 1,
    2**53,
    -(2**53),
    1.5,
    1.0,
    1e16,
    1e-7,
    0.1 + 0.2,
    float("nan"),
    float("inf"),
    True,
    False,
    Decimal("1.50"),
    Decimal("3"),
    Decimal("1E+20"),
    Decimal("0.1234567890123456789"),
    Decimal("NaN"),
    "",
    "text",
    'Ä "quoted" \\ \n\x00\U0001f600',
    "x" * 1023,
    "x" * 1024,
    "x" * 1022 + "\U0001f600",
    datetime(2026, 11, 23, 9, 30),
    datetime(2026, 11, 23, 9, 30, 0, 123456),
    MOMENT,
    datetime(2026, 11, 23, 9, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    date(2026, 11, 23),
    time(9, 30),
    timedelta(hours=1),
    timedelta(milliseconds=1500),
    UUID("12345678-1234-5678-1234-567812345678"),
    None,
    {"b": 1, "a": {"c": [1, None, True], "d": None}},
    {},
    [1, "two", 3.5, None, True],
    [],
    [{"a": 1}, {"a": 2}],
    ("x", "y"),
]


@pytest.mark.parametrize("nested", ["flatten", "json"])
@pytest.mark.parametrize("nulls", ["omit", "empty"])
def test_items_keep_their_bytes_for_columns_of_mixed_types(heap, run, tmp_path, nested, nulls):
    rows = [{"identity": f"u{number}", "value": value, "n": number} for number, value in enumerate(VALUES)]
    run(user(rows, dry_run=True, dry_run_path=str(tmp_path), nested=nested, nulls=nulls))
    check(f"items, {nested}, {nulls}", bodies(tmp_path)[0].split('},{"identity"'))


@pytest.mark.parametrize("nested", ["flatten", "json"])
def test_items_keep_their_bytes_for_columns_of_one_type(heap, run, tmp_path, nested):
    row = {"identity": "u", **{f"c{number:02}": value for number, value in enumerate(VALUES)}}
    report = run(user([row], dry_run=True, dry_run_path=str(tmp_path), nested=nested, timezone="Europe/Berlin"))
    check(f"item, {nested}", [report["truncated"], *bodies(tmp_path)[0].split(',"c')])


def test_keys_keep_their_text(heap, run, tmp_path):
    keys = [
        "Ada",
        " padded ",
        42,
        2**60,
        42.0,
        Decimal("42.00"),
        Decimal("1E+3"),
        UUID(int=7),
        MOMENT,
        datetime(2026, 11, 23, 9, 30),
        date(2026, 11, 23),
    ]
    rows = [{"identity": key, "n": 1} for key in keys]
    run(user(rows, dry_run=True, dry_run_path=str(tmp_path)))
    check("keys", [item["identity"] for item in json.loads(bodies(tmp_path)[0])["users"]])


def test_timestamps_keep_their_text(heap, run, tmp_path):
    moments = [
        MOMENT,
        datetime(2026, 11, 23, 9, 30),
        date(2026, 11, 23),
        "2026-11-23",
        "2026-11-23 09:30:00",
        "2026-11-23T09:30:00Z",
        "2026-11-23T09:30:00.5+02:00",
    ]
    rows = [{"id": f"order-{number}", "email": "a", "at": moment} for number, moment in enumerate(moments)]
    run(event(rows, event="E", dry_run=True, dry_run_path=str(tmp_path), timezone="Europe/Berlin"))
    check("timestamps", [item["timestamp"] for item in json.loads(bodies(tmp_path)[0])["events"]])


@pytest.mark.parametrize("scope", ["event", "app"])
def test_events_keep_their_idempotency_keys_and_bytes(heap, run, tmp_path, scope):
    orders = [{**row, "session": number or None} for number, row in enumerate(ORDERS)]
    run(
        event(
            orders,
            event_column="name",
            session_id="session",
            insert_id_scope=scope,
            properties={"Total": "total", "Via": Constant("web"), "Text": RowTemplate("{{ name }}: {{ total }}")},
            dry_run=True,
            dry_run_path=str(tmp_path),
        )
    )
    check(f"events, {scope}", bodies(tmp_path))


def test_an_event_of_a_user_id_keeps_its_bytes(heap, run, tmp_path):
    rows = [{"id": "order-00042", "user": 123456, "at": MOMENT}]
    run(event(rows, identity=None, user_id="user", event="E", dry_run=True, dry_run_path=str(tmp_path)))
    check("event of a user ID", bodies(tmp_path))


def test_an_insert_id_is_found_as_its_idempotency_key():
    assert event("select 1", event="Order Placed").sync_key("42") == "1411752f5ae9fe3460292155b14ff70c"
    assert event("select 1", event_column="name").sync_key("42", "Order Placed") == "1411752f5ae9fe3460292155b14ff70c"
    assert event("select 1", event="Order Placed", insert_id_scope="app").sync_key("42") == "42"
