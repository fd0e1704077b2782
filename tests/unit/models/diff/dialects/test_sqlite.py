"""The hashes that Python makes for SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from hashlib import md5

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

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


VALUES = st.one_of(
    st.none(),
    st.integers(-3, 3),
    st.sampled_from(["1", "1.0", "1.5", "-0", "0", "a", "A", "a ", "a\x00", "a\x00b", "61", "ä", "\x1f", ""]),
    st.sampled_from([b"a", b"1", b"", b"\xff", b"\x00"]),
    st.floats(allow_nan=False, width=16),
    st.sampled_from([0.1 + 0.2, 0.3, 1e300, 1e15, 1e16]),
)


@given(st.lists(VALUES, min_size=2, max_size=2), st.lists(VALUES, min_size=2, max_size=2))
@example(["a\x1f", "b"], ["a", "\x1fb"])
@example([1, "a"], [1.0, b"a"])
def test_rows_are_counted_as_one_key_if_and_only_if_their_hash_is_one(one, other):
    columns = [DiffColumn("a"), DiffColumn("b")]
    dialect = SqliteDialect()
    with closing(sqlite3.connect(":memory:")) as connection:
        dialect.prepare(connection)
        connection.execute("create table rows (a collate nocase, b collate rtrim)")
        connection.executemany("insert into rows values (?, ?)", [one, other])
        hashes, keys = (
            connection.execute(f"select count({key}), count(distinct {key}) from rows").fetchone()
            for key in (dialect.key_hash("0", columns), dialect.census_key("0", columns))
        )
    assert keys == hashes


def test_sqlite_tells_numbers_types_and_bytes_apart(sqlite):
    sql = SqliteDialect().row_hash("0", [DiffColumn("a")])
    values = ["0.3", "0.1 + 0.2", "1", "1.0", "'1'", "x'31'", "null", "''", "x''", "cast(x'ff' as text)"]
    hashes = [sqlite.execute(f"select {sql} from (select {value} as a)").fetchone()[0] for value in values]
    assert len(set(hashes)) == len(values)
