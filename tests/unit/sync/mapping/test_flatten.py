"""Dicts and lists become properties of dotted names, or one text."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from airflow_provider_heap.exceptions import ModelError
from tests.unit.sync.mapping.mapped import invalid_user, user


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


def test_a_name_that_heap_would_not_take_makes_the_row_invalid():
    assert user({"p": {"x" * 1022: 1}}) == "name_too_long"
    assert user({"p": {"\ud800": 1}}) == "no_json_form"


def test_a_value_inside_that_has_no_json_form_makes_the_row_invalid():
    assert invalid_user({"p": {"a": {"b": b"bytes"}}}) == ("no_json_form", "p", "type bytes")


def test_a_value_that_contains_itself_makes_the_row_invalid():
    endless = {}
    endless["again"] = endless
    assert invalid_user({"p": endless}) == ("no_json_form", "p", "nested too deeply")


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (1, "1"),
        (1.5, "1.5"),
        (True, "true"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3), "2026-01-02T03:00:00+00:00"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_keys_are_written_as_values_are(key, text):
    assert user({"p": {key: 1}}) == {f"p.{text}": 1}
    assert user({"p": {key: 1}}, nested="json") == {"p": f'{{"{text}":1}}'}


@pytest.mark.parametrize("key", [None, float("nan"), b"x", (1, 2)])
@pytest.mark.parametrize("nested", ["flatten", "json"])
def test_a_key_without_a_json_form_makes_the_row_invalid(key, nested):
    assert user({"p": {key: 1}}, nested=nested) == "no_json_form"
