"""A mapping is checked against the columns of the query before a row is read."""

from __future__ import annotations

import json
from datetime import date

import pytest

from airflow_provider_heap.api.objects import ACCOUNT, EVENT, USER
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.mapping import Constant, FieldMapping, RowTemplate
from tests.unit.sync.mapping.mapped import user


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


def test_names_go_out_exactly_as_mapped():
    names = ['Plan "A"', "back\\slash", "new\nline", "ümläut 😀", "a.b", " spaced "]
    assert user(dict.fromkeys(names, 1)) == dict.fromkeys(names, 1)


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


@pytest.mark.parametrize("name", ["?column?", "count(*)", "seats * price", "f0_", ""])
def test_a_column_that_has_no_name_of_its_own_is_not_taken_over(name):
    with pytest.raises(ModelError, match="alias"):
        FieldMapping(USER, {"identity": "email"}).bind(["email", "plan", name])


def test_a_column_without_a_name_of_its_own_can_be_mapped():
    assert user({"count(*)": 3}, properties={"Orders": "count(*)"}) == {"Orders": 3}
    assert user({"count(*)": 3}, properties={"count(*)": "count(*)"}) == {"count(*)": 3}
    assert user({"count(*)": 3}, properties=["count(*)"]) == {"count(*)": 3}


def test_a_key_may_come_from_a_column_without_a_name_of_its_own():
    mapper = FieldMapping(USER, {"identity": "lower(email)"}).bind(["lower(email)", "plan"])
    assert mapper.map([("ada", "pro")], first=1).items.keys == ["ada"]


@pytest.mark.parametrize("name", ["{{ params.prefix }} Plan", "{% if x %}Plan{% endif %}"])
def test_a_name_with_jinja_that_was_not_rendered_is_refused(name):
    for properties in ({name: "plan"}, [name], None):
        with pytest.raises(ModelError, match="not rendered"):
            FieldMapping(USER, {"identity": "email"}, properties).bind(["email", "plan", name])


def test_a_mapping_that_is_turned_round_is_answered_with_the_right_one():
    with pytest.raises(ModelError) as raised:
        FieldMapping(USER, {"identity": "email"}, {"ltv": "LTV", "plan": "plan"}).bind(["email", "LTV Dollars", "plan"])
    assert "turned round" not in str(raised.value)  # neither of the two is a column
    with pytest.raises(ModelError) as raised:
        FieldMapping(USER, {"identity": "email"}, {"ltv": "LTV Dollars", "Plan": "plan"}).bind(["email", "ltv", "plan"])
    assert "property 'ltv' needs the column 'LTV Dollars': no such column, but 'ltv' is one." in str(raised.value)
    assert "if it is turned round, write properties={'LTV Dollars': 'ltv'}." in str(raised.value)


def test_a_misspelt_column_gets_a_suggestion():
    with pytest.raises(ModelError, match=r"'plann': no such column. Did you mean 'plan'\? The model has:"):
        FieldMapping(USER, {"identity": "email"}, {"Plan": "plann"}).bind(["email", "plan"])


@pytest.mark.parametrize(("heap_object", "parameter"), [(USER, "identity"), (ACCOUNT, "account_id")])
def test_a_key_that_nobody_named_is_said_to_be_the_default(heap_object, parameter):
    with pytest.raises(ModelError, match=f"^{parameter} is the column '{parameter}' unless a task") as raised:
        FieldMapping(heap_object, {parameter: parameter}).bind(["email", "plan"])
    assert f"with the parameter {parameter}. The model has: 'email', 'plan'." in str(raised.value)


@pytest.mark.parametrize(
    ("fields", "parameter"), [({"idempotency_key": "nr"}, "insert_id"), ({"event": "nr"}, "event_column")]
)
def test_a_missing_column_of_an_event_is_said_by_the_operators_parameter(fields, parameter):
    given = {"event": Constant("Order"), "identity": "email", "idempotency_key": "id", **fields}
    with pytest.raises(ModelError, match=f"^{parameter} needs the column 'nr'"):
        FieldMapping(EVENT, given).bind(["id", "email"])
