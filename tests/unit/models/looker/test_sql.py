"""What the SQL of a Look leaves out is refused, and its columns get the names of the fields."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from airflow_provider_heap.exceptions import ModelError

pytest.importorskip("ijson")

from airflow_provider_heap.models.looker.results import Field
from airflow_provider_heap.models.looker.sql import check_limit, check_query, match_fields, table_calculations


def query(**changed):
    """Return a query as Looker's SDK has it."""
    fields = {"dynamic_fields": None, "fill_fields": None, "has_table_calculations": False, "limit": "-1"}
    return SimpleNamespace(**{**fields, "row_total": None, "subtotals": None, "total": None, **changed})


@pytest.mark.parametrize(
    "changed", [{}, {"limit": None}, {"limit": " "}, {"row_total": "false"}, {"dynamic_fields": "not JSON"}]
)
def test_a_query_that_its_sql_covers_passes(changed):
    check_query(query(**changed), None, "Look 42")


def test_everything_that_would_be_lost_is_named():
    fields = json.dumps([{"table_calculation": "growth"}, {"dimension": "custom"}])
    lost = query(dynamic_fields=fields, total=True, row_total="right", subtotals=["a", "b"], fill_fields=["day"])
    with pytest.raises(ModelError) as error:
        check_query(lost, None, "Look 42")
    assert (
        "table calculations (growth); totals; row totals; subtotals (a, b); filled-in values (day). Use mode="
        in str(error.value)
    )


def test_a_saved_limit_is_followed_only_when_the_user_says_so():
    with pytest.raises(ModelError, match="limit=-1 for all rows, limit=500 for these"):
        check_query(query(limit="500"), None, "Look 42")
    check_query(query(limit="500"), -1, "Look 42")


def test_a_disabled_table_calculation_does_not_count():
    assert table_calculations(query(dynamic_fields='[{"table_calculation": "t", "is_disabled": true}]')) == []


@pytest.mark.parametrize(
    ("sql", "limit"),
    [
        ("select 1", -1),
        ("select 1 limit 500", 500),
        ("select 1 LIMIT 500 ;\n", 500),
        ("select 1 fetch first 500 rows only", 500),
        ("select top (500) 1", 500),
        ("select distinct top 500 1", 500),
        ("select * from (select 1 limit 5) as t", -1),
    ],
)
def test_sql_with_the_limit_that_was_asked_for_passes(sql, limit):
    check_limit(sql, limit, "Look 42")
    if limit != -1:
        with pytest.raises(ModelError, match="with all rows, and gave SQL that stops at 500"):
            check_limit(sql, -1, "Look 42")


def test_columns_are_matched_whatever_the_database_does_with_dots_and_case():
    email, plan = Field("users.email", "Users Email"), Field("users.plan", "Users Plan")
    assert match_fields(["USERS_EMAIL", "users.plan", "extra"], [email, plan]) == [
        email,
        plan,
        Field("extra", "extra"),
    ]
