"""Drivers of warehouses say which of their texts are JSON."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from airflow_provider_heap.models.drivers.warehouses import Databricks, DuckDb, Snowflake, Trino
from tests.unit.models.drivers.reading import read

CASES = [
    (Databricks, "variant", "variant", True),
    (Databricks, "struct", "struct", True),
    (Databricks, "string", "string", False),
    (Trino, "json", "json", True),
    (Trino, "array(varchar)", "array(varchar)", False),
    (DuckDb, "JSON", "JSON", True),
    (DuckDb, "STRUCT(a INTEGER)", "STRUCT(a INTEGER)", False),
]


@pytest.mark.parametrize(("driver_class", "code", "name", "is_json"), CASES)
def test_columns_declared_as_json_are_decoded(driver_class, code, name, is_json):
    driver = driver_class(None, "driver")
    cursor = type("Cursor", (), {"description": [("a", code)]})()
    types = driver.types(cursor)
    converters = driver.converters(cursor, types)
    assert (types, bool(converters)) == ([name], is_json)
    if is_json:
        assert converters[0](['{"a": 1}', None]) == [{"a": 1}, None]


def test_duckdb_hands_json_over_as_text_and_structs_as_dicts(tmp_path, monkeypatch):
    pytest.importorskip("duckdb")
    monkeypatch.setenv("AIRFLOW_CONN_DUCK", f'{{"conn_type": "duckdb", "host": "{tmp_path}/w.duckdb"}}')
    types, rows = read(
        "duck", """select '{"a": [1]}'::json as j, {'b': 2} as s, '{"c": 3}' as t, ['x', 'y'] as l, '"1"'::json as q"""
    )
    assert rows == [({"a": [1]}, {"b": 2}, '{"c": 3}', ["x", "y"], "1")]
    assert types[0] == "JSON"


@pytest.mark.parametrize(("is_pyformat", "written"), [(True, '"100%%"'), (False, '"100%"')])
def test_snowflake_reads_question_marks_itself_where_its_client_is_told_so(is_pyformat, written):
    driver = Snowflake(SimpleNamespace(is_pyformat=is_pyformat), "snowflake")
    assert driver.escape("select 1", [1])('"100%"') == written
