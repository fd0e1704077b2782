"""The expressions of ClickHouse."""

from __future__ import annotations

import pytest

from airflow_provider_heap.models.diff.dialects.base import DiffColumn
from airflow_provider_heap.models.diff.dialects.clickhouse import ClickHouseDialect


@pytest.mark.parametrize(
    ("kind", "in_utc"),
    [
        ("DateTime", "DateTime('UTC')"),
        ("Nullable(DateTime('Europe/Berlin'))", "Nullable(DateTime('UTC'))"),
        ("Array(DateTime64(6, 'Asia/Tokyo'))", "Array(DateTime64(6, 'UTC'))"),
        ("DateTime64(3)", "DateTime64(3, 'UTC')"),
        ("Tuple(`a DateTime` String, b DateTime)", "Tuple(`a DateTime` String, b DateTime('UTC'))"),
    ],
)
def test_moments_are_hashed_in_utc_where_no_hour_comes_twice(kind, in_utc):
    escaped = in_utc.replace("'", "\\'")
    assert ClickHouseDialect().value(DiffColumn("at", kind)) == f"cast(`at`, '{escaped}')"


@pytest.mark.parametrize("kind", ["String", "Enum8('DateTime' = 1)", "Date", None])
def test_other_values_are_hashed_as_they_are(kind):
    assert ClickHouseDialect().value(DiffColumn("x", kind)) == "`x`"


def test_backslashes_of_names_are_escaped():
    assert ClickHouseDialect().quoted("a\\b`c") == "`a\\\\b\\`c`"


def test_braces_are_escaped_because_the_client_would_take_them_for_a_parameter():
    dialect = ClickHouseDialect()
    assert dialect.quoted("{x:Int8}") == "`\\x7Bx:Int8}`"
    kind = "Tuple(`{a:b}` DateTime)"
    assert dialect.value(DiffColumn("t", kind)) == "cast(`t`, 'Tuple(`\\x7Ba:b}` DateTime(\\'UTC\\'))')"


def test_a_moment_is_a_key_in_utc():
    column = DiffColumn("at", "DateTime('Europe/Berlin')")
    assert ClickHouseDialect().key_text(column) == "toString(cast(`at`, 'DateTime(\\'UTC\\')'))"


def test_one_number_is_one_key_and_zeros_that_fill_a_text_are_none_of_it():
    dialect = ClickHouseDialect()
    assert "[.]?0+$" in dialect.key_text(DiffColumn("n", "Decimal(10, 2)"))
    assert "FixedString" not in dialect.key_text(DiffColumn("n", "FixedString(4)"))
    assert dialect.key_text(DiffColumn("n", "UInt64")) == "toString(`n`)"


def test_a_hash_is_of_json_in_lower_case():
    assert ClickHouseDialect().row_hash("aa", [DiffColumn("x", "String")]) == (
        "lower(hex(MD5(toJSONString(tuple('aa', `x`)))))"
    )


def test_what_is_always_null_or_empty_is_kept_as_text():
    dialect = ClickHouseDialect()
    assert dialect.stored(DiffColumn("n", "Nullable(Nothing)")) == "cast(d.`n`, 'Nullable(String)')"
    assert dialect.stored(DiffColumn("n", "Array(Nothing)")) == "cast(d.`n`, 'Array(String)')"
    assert dialect.stored(DiffColumn("n", "Tuple(`Nothing` String)")) == "d.`n`"
