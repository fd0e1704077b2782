"""Names that a database made up are told from names that somebody wrote."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.sync.mapping.generated_names import is_generated

GENERATED = [
    *("", " ", "?column?", "f0_", "f12_", "_col0", "_c3", "EXPR$0", "$1"),
    *("NULL", "null", "'pro'", "1", "2.5", "'JAN'"),
    *(
        "count(*)",
        "COUNT(*)",
        "Count(*)",
        "count_star()",
        "count(1)",
        "max(seats)",
        "MAX(SEATS)",
        "lower(plan)",
        "now()",
    ),
    *("multiply(seats, price)", "toDate(created)", "coalesce(plan, 'free')", "cast(seats as text)", "max(UnitPrice)"),
    *("db.udf(plan)", "row_number() over (order by email)", "concat(first, ' ', last)", "COUNT(DISTINCT PLAN)"),
    *("seats * price", "SEATS * PRICE", "seats*price", "2 * 3", "2*3", "UnitPrice * Quantity", "(seats * price)"),
    *("first || last", "first || ' ' || last", "seats::text", "V:PLAN::STRING", "V:PLAN", "V:A.B", "a = b"),
    *(
        "price + discount",
        "price - discount",
        "price / seats",
        "seats+1",
        "seats % 2",
        "score > 80",
        "SEATS>=5",
        "-seats",
    ),
    *(
        "(price - discount) / seats",
        "price + coalesce(discount, 0)",
        "1 + round(max(a), 2)",
        "price / nullif(seats, 0)",
    ),
    *("about->>'$.plan'", "about -> 'plan'", "tags[0]", "about['plan']", "TAGS[0]"),
    *("case when seats > 5 then 'big' end", "CASE WHEN A THEN B ELSE C END", "(select 1)", "exists (select 1)"),
    *("plan is null", "PLAN IS NOT NULL", "plan in ('a', 'b')", "plan like 'p%'", "seats between 1 and 5"),
    *("interval '1 day'", "date '2026-01-01'"),
]

NAMED = [
    *(
        "plan",
        "PLAN",
        "Plan",
        "trial_ends_at",
        "trialEndsAt",
        "Trial End",
        "first-name",
        "first name",
        "a.b",
        "users.plan",
    ),
    *("Plan (current)", "plan (current)", "Price ($)", "MRR, $", "MRR (USD)", "Size(m2)", "Plan(current)", "% used"),
    *("Signup - Source", "Signup - source", "Churn risk - 30 days", "churn risk - 30 days", "A/B Test", "Seats / User"),
    *("Price per seat / month", "Plan + add-ons", "R&D", "Q&A", "C++", "C#", "Is active?", "Trial -> Paid", "e-mail"),
    *(
        "Tier: current",
        "utm:source",
        "plan:tier",
        "Score > 80",
        "NPS",
        "n°",
        "Größe",
        "プラン",
        "😀",
        "User's plan",
        "#1",
    ),
    *(
        "count",
        "max",
        "case",
        "column",
        "f0",
        "f",
        "_c",
        "col0",
        "column1",
        "$plan",
        "@id",
        "2024",
        "30 days",
        "1st order",
    ),
    *("case open", "Case End", "is null?", "date", "date 2", "interval", "in (%)", "terms and conditions", "not set"),
    *("x" * 1000, "a b c d", "_airbyte_ab_id", "plan*", "*", "-", "(none)", "tier-1", "covid-19", "opt-in/opt-out"),
]


@pytest.mark.parametrize("name", GENERATED)
def test_the_name_of_an_expression_is_generated(name):
    assert is_generated(name)


@pytest.mark.parametrize("name", NAMED)
def test_a_name_that_somebody_wrote_is_not(name):
    assert not is_generated(name)


@given(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True))
def test_an_identifier_is_a_name_but_for_those_that_databases_generate(name):
    generated = name.lower() == "null" or (name[:1] in "f_" and name.strip("fcol_").isdigit())
    assert not is_generated(name) or generated


@given(st.lists(st.from_regex(r"[A-Z][a-z]{2,8}", fullmatch=True), min_size=2, max_size=4), st.sampled_from(" -/+&.:,"))
def test_capitalised_words_are_a_name(words, separator):
    assert not is_generated(f" {separator} ".join(words))


operands = st.sampled_from(["seats", "price", "1", "2.5", "'x'", "lower(plan)", "max(seats)"])


@given(st.lists(st.tuples(operands, st.sampled_from(["+", "-", "*", "/", "%", "||", ">"])), min_size=1), operands)
def test_what_sqlite_calls_an_expression_is_generated(terms, last):
    expression = "".join(f"{operand} {operator} " for operand, operator in terms) + last
    database = sqlite3.connect(":memory:")
    database.execute("create table t (seats, price, plan)")
    [(name, *_)] = database.execute(f"select {expression} from t").description
    assert is_generated(name)
