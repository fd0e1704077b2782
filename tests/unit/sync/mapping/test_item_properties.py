"""A mapper counts in how many rows of a chunk the properties that a guard watches have a value."""

from __future__ import annotations

import json

import pytest

from airflow_provider_heap.api.objects import USER
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.mapping import Constant, FieldMapping


def filled(values, watched, **options):
    """Map a property's column and return the counts."""
    rows = [(f"user{number}", value) for number, value in enumerate(values)]
    mapper = FieldMapping(USER, {"identity": "who"}, **options).bind(["who", "p"], watched)
    return mapper.map(rows, first=1).filled


def test_a_watched_property_is_counted_where_it_is_not_null():
    assert filled(["x", None, float("nan"), "", 0], ["p"]) == {"p": 3}


def test_a_null_that_is_sent_as_an_empty_text_is_not_counted():
    assert filled(["x", None], ["p"], nulls="empty") == {"p": 1}


def test_a_name_inside_a_flattened_property_can_be_watched():
    values = [{"a": 1}, {"a": None}, {"b": 1}, None]
    assert filled(values, ["p", "p.a", "p.never"]) == {"p": 3, "p.a": 1, "p.never": 0}


def test_each_chunk_has_counts_of_its_own():
    mapper = FieldMapping(USER, {"identity": "who"}).bind(["who", "p"], ["p"])
    counts = [mapper.map([("ada", value)], first=1).filled for value in ("x", None, "x")]
    assert counts == [{"p": 1}, {"p": 0}, {"p": 1}]


def test_nothing_is_counted_that_is_not_watched():
    assert filled(["x"], []) == {}


@pytest.mark.parametrize(("name", "options"), [("q", {}), ("who", {}), ("p.a", {"nested": "json"})])
def test_a_name_that_is_not_a_property_cannot_be_watched(name, options):
    with pytest.raises(ModelError, match=rf"max_null names '{name}', which is not a property.*There are: 'p'"):
        filled(["x"], [name], **options)


def test_a_constant_may_be_a_dict_and_is_flattened_as_a_column_is():
    mapper = FieldMapping(USER, {"identity": "who"}, {"p": Constant({"a": 1, "b": [1, 2]})}).bind(["who"])
    [body] = mapper.map([("ada",)], first=1).items.bodies
    assert json.loads(body)["properties"] == {"p.a": 1, "p.b": "1||2"}


def test_a_constant_that_has_no_json_form_is_refused():
    with pytest.raises(ModelError, match="'p'"):
        FieldMapping(USER, {"identity": "who"}, {"p": Constant(b"bytes")}).bind(["who"])
