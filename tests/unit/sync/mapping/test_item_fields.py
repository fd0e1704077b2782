"""The fields of items beside their properties: constants, optional fields, and the one person of each row."""

from __future__ import annotations

import json

import pytest

from airflow_provider_heap.api.objects import EVENT, USER
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.mapping import Constant, FieldMapping

FIELDS = {"event": Constant("Order"), "identity": "email", "user_id": "number", "idempotency_key": "id"}
COLUMNS = ["email", "number", "id"]


def events(*rows):
    """Map rows of events that may name their person in two ways."""
    mapping = FieldMapping(EVENT, FIELDS, optional=frozenset({"identity", "user_id"}))
    return mapping.bind(COLUMNS).map(rows, first=1)


def test_a_constant_is_the_same_in_every_item():
    chunk = events(("ada", None, 1), ("bob", None, 2))
    assert [json.loads(body)["event"] for body in chunk.items.bodies] == ["Order", "Order"]


def test_an_optional_field_that_is_null_is_left_out():
    [body] = events(("ada", None, 1)).items.bodies
    assert "user_id" not in json.loads(body)


def test_the_person_is_the_one_field_that_is_given():
    assert events(("ada", None, 1), (None, 7, 2)).items.person_keys == ["ada", "7"]


def test_a_row_must_name_one_person_and_no_column_is_to_blame():
    chunk = events((None, None, 1), ("ada", 7, 2), ("ada", None, 3))
    assert [(row.number, row.reason, row.column) for row in chunk.invalid] == [
        (1, "person_missing", None),
        (2, "person_twice", None),
    ]
    assert list(chunk.items.numbers) == [3]


@pytest.mark.parametrize(("value", "reason"), [(None, "null"), ("", "blank"), (1.5, "type"), ("x" * 256, "too_long")])
def test_a_constant_that_cannot_be_its_field_is_refused_before_a_row_is_read(value, reason):
    with pytest.raises(ModelError, match=f"identity can't be .*identity_{reason}"):
        FieldMapping(USER, {"identity": Constant(value)}).bind(["plan"])


def test_what_fills_a_field_is_said_by_the_databases_name():
    mapper = FieldMapping(USER, {"identity": "email"}, {"Plan": "plan", "By": Constant(1)}).bind(["EMAIL", "PLAN", "x"])
    assert mapper.key_column == "EMAIL"
    assert mapper.origins == {"identity": "EMAIL", "Plan": "PLAN", "By": "Constant(value=1)"}
    assert mapper.unused == ["x"]
