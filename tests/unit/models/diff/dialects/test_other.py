"""The expressions for a database that is known by the user's own expression alone."""

from __future__ import annotations

import pytest

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models.diff.dialects import dialect_of
from airflow_provider_heap.models.diff.dialects.base import DiffColumn


def dialect():
    return dialect_of("oracledb", "lower(to_hex(md5(to_utf8({text}))))")


def test_each_value_is_hashed_as_a_text_with_its_length():
    text = 'cast("a" as varchar(65000))'
    assert dialect().row_hash("0", [DiffColumn("a")]) == (
        f"(lower(to_hex(md5(to_utf8(('0' || case when \"a\" is null then '-' else cast(length({text}) as varchar(20)) "
        f"|| ':' || {text} end))))))"
    )


def test_a_boolean_is_written_out_and_one_number_is_one_key():
    assert "when \"b\" then 'true'" in dialect().value(DiffColumn("b", "BOOLEAN"))
    assert "trim(trailing '0'" in dialect().key_text(DiffColumn("n", "numeric"))


def test_a_moment_of_trino_whose_zone_is_a_name_counts_in_utc_too():
    assert "\"at\" at time zone 'UTC'" in dialect().value(DiffColumn("at", "timestamp(3) with time zone"))
    for kind in ("timestamp(3)", "timestamptz", "time with time zone"):
        assert "UTC" not in dialect().value(DiffColumn("at", kind))


def test_an_expression_has_a_place_for_the_text():
    with pytest.raises(ModelError, match=r"diff_hash is an expression .* such as 'md5\(\{text\}\)'; found 'md5'"):
        dialect_of("oracledb", "md5")
