"""The hashes that Python makes for SQLite."""

from __future__ import annotations

import sqlite3
from hashlib import md5

import pytest

from airflow_provider_heap.models.diff.dialects.base import DiffColumn, key_hash
from airflow_provider_heap.models.diff.dialects.sqlite import SqliteDialect


@pytest.fixture
def sqlite():
    connection = sqlite3.connect(":memory:")
    SqliteDialect().prepare(connection)
    yield connection
    connection.close()


def test_a_key_hash_is_that_of_python(sqlite):
    sql = SqliteDialect().key_hash("ab12", [DiffColumn("a"), DiffColumn("b")])
    [[made]] = sqlite.execute(f"select {sql} from (select 'Order' as a, 42.0 as b)").fetchall()
    assert made == key_hash("ab12", ["Order", "42"]) == md5(b"ab12Order\x1f42").hexdigest()
    assert sqlite.execute(f"select {sql} from (select 'Order' as a, null as b)").fetchall() == [(None,)]


def test_sqlite_tells_numbers_types_and_bytes_apart(sqlite):
    sql = SqliteDialect().row_hash("0", [DiffColumn("a")])
    values = ["0.3", "0.1 + 0.2", "1", "1.0", "'1'", "x'31'", "null", "''", "x''", "cast(x'ff' as text)"]
    hashes = [sqlite.execute(f"select {sql} from (select {value} as a)").fetchone()[0] for value in values]
    assert len(set(hashes)) == len(values)
