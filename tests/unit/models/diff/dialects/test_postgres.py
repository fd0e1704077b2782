"""The expressions of PostgreSQL."""

from __future__ import annotations

from airflow_provider_heap.models.diff.dialects.base import DiffColumn
from airflow_provider_heap.models.diff.dialects.postgres import PostgresDialect


def test_postgres_hashes_json_and_reads_one_number_as_one_key():
    dialect = PostgresDialect()
    columns = [DiffColumn("a", "numeric(10,2)"), DiffColumn('b"', "text")]
    assert dialect.row_hash("0", columns) == """md5(cast(json_build_array('0', "a", "b""\") as text))"""
    assert "rtrim" in dialect.key_text(columns[0])
    assert "rtrim" not in dialect.key_text(columns[1])
