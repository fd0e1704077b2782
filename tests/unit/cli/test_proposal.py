"""A table's names and types are enough for a sync to begin with."""

from __future__ import annotations

import pytest

from airflow_provider_heap.api.objects import ACCOUNT, EVENT, KEPT_OBJECTS, USER
from airflow_provider_heap.cli.proposal import (
    TableColumn,
    guess_key,
    guess_object,
    guess_person,
    guess_timestamp,
    property_name,
    propose,
    singular,
    title,
)
from tests.unit.sandbox.client import DEVICE


def columns(*names, **types):
    return [TableColumn(name, types.get(name)) for name in names]


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("users", "user"),
        ("shop.orders", "order"),
        ('"Shop"."Companies"', "company"),
        ("dim_users", "user"),
        ("address", "address"),
    ],
)
def test_a_row_is_called_like_its_table_in_the_singular(table, row):
    assert singular(table) == row


@pytest.mark.parametrize(
    ("table", "names", "heap_object"),
    [
        ("users", ["id", "email", "created_at"], USER),
        ("dim_customers", ["customer_id"], USER),
        ("orders", ["order_id", "email", "ordered_at"], EVENT),
        ("page_events", ["id"], EVENT),
        ("companies", ["id", "name"], ACCOUNT),
        ("health", ["account_id", "score"], ACCOUNT),
        ("scores", ["email", "account_id", "score"], USER),
    ],
)
def test_the_object_is_guessed_by_the_table_and_else_by_its_columns(table, names, heap_object):
    assert guess_object(table, columns(*names)) is heap_object


@pytest.mark.parametrize(
    ("heap_object", "table", "names", "key"),
    [
        (USER, "users", ["id", "Email"], "Email"),
        (USER, "things", ["a", "b"], "a"),
        (ACCOUNT, "companies", ["id", "company_id"], "company_id"),
        (EVENT, "orders", ["id", "order_id", "email"], "order_id"),
        # An object whose columns have no names here: Heap's own.
        (DEVICE, "devices", ["id", "email", "device_id"], "device_id"),
    ],
)
def test_the_key_is_the_likeliest_column_by_its_name(heap_object, table, names, key):
    assert guess_key(heap_object, table, columns(*names)) == key


@pytest.mark.parametrize("heap_object", KEPT_OBJECTS, ids=lambda heap_object: heap_object.name)
def test_a_table_named_after_an_object_holds_that_object(heap_object):
    assert guess_object(f"shop.{heap_object.name}s", columns("x")) is heap_object


def test_a_field_of_heap_has_a_title_too():
    assert [title(heap_object.key) for heap_object in (USER, ACCOUNT)] == ["Identity", "Account ID"]


def test_the_person_and_the_time_of_an_event_are_guessed_too():
    order = columns("order_id", "email", "updated_at", "ordered_at", updated_at="timestamptz", ordered_at="timestamptz")
    assert guess_person(order) == "email"
    assert guess_timestamp("orders", order) == "ordered_at"
    assert guess_timestamp("orders", columns("created_at", "paid_on")) == "created_at"
    assert guess_timestamp("orders", columns("a", "created_at", created_at="int8")) is None
    assert guess_person(columns("a")) is None


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("trial_ends_at", "Trial Ends At"),
        ("ltv", "LTV"),
        ("planName", "PlanName"),
        ("customer_id", "Customer ID"),
        # Heap does not allow a property named id on a user.
        ("id", "User ID"),
    ],
)
def test_a_property_has_a_name_for_people_that_heap_allows(column, name):
    assert property_name(column, USER, "users") == name


def test_every_other_column_becomes_a_property_but_for_bytes_and_secrets():
    table = columns("email", "plan", "Plan", "photo", "password_hash", photo="bytea")
    proposal = propose(USER, "users", table, "email")
    assert proposal.properties == {"Plan": "plan", "Plan 2": "Plan"}
    assert proposal.left_out == {"photo": "bytea has no JSON form", "password_hash": "by its name a secret"}
