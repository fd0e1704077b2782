"""Drivers of warehouses say which of their texts are JSON."""

from __future__ import annotations

import pytest

from airflow_provider_heap.models.drivers.warehouses import Databricks, DuckDb, PyHive, Redshift, Trino
from tests.unit.models.drivers.reading import read

CASES = [
    (PyHive, "STRUCT_TYPE", "STRUCT", True),
    (PyHive, "ARRAY_TYPE", "ARRAY", True),
    (PyHive, "MAP_TYPE", "MAP", True),
    (PyHive, "STRING_TYPE", "STRING", False),
    (Redshift, 4000, "super", True),
    (Redshift, 1043, None, False),
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
