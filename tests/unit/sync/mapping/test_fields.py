"""Keys, names and timestamps become texts; what cannot be one makes its row invalid."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from airflow_provider_heap.api.objects import ACCOUNT, EVENT
from airflow_provider_heap.sync.mapping import Constant, FieldMapping
from tests.unit.sync.mapping.mapped import event, identity


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


@pytest.mark.parametrize("user_id", ["-1", "1.5", "abc", str(2**53), "٣"])
def test_a_user_id_is_a_number_of_heaps(user_id):
    fields = {"event": Constant("E"), "user_id": "who", "idempotency_key": "who"}
    assert FieldMapping(EVENT, fields).bind(["who"]).map([(user_id,)], first=1).invalid[0].reason == "user_id_type"


@pytest.mark.parametrize("value", [1767225600, 1767225600.5, Decimal(1767225600), "1767225600", "1767225600.123"])
def test_a_number_as_a_timestamp_is_refused_with_advice(value):
    reason, detail = event(value)
    assert (reason, detail) == (
        "timestamp_unreadable",
        "is a number; convert it in the query, for example to_timestamp(...)",
    )


def test_the_log_is_given_what_is_wrong_with_a_field_and_never_its_value():
    assert identity(True) == ("identity_type", "type bool")
    assert identity(1.5) == ("identity_type", "number with a fraction")
    assert identity([1]) == ("identity_type", "type list")
    assert event("soon") == ("timestamp_unreadable", "not ISO 8601; convert it in the query")
    assert event([1]) == ("timestamp_unreadable", "type list")


@pytest.mark.parametrize("digits", [256, 5000])
def test_a_number_of_too_many_digits_is_too_long_also_where_python_writes_none_of_them(digits):
    assert identity(10**digits)[0] == "identity_too_long"
