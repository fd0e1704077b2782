"""How DuckDB counts keys."""

from __future__ import annotations

import pytest

from airflow_provider_heap.models.diff.dialects.base import DiffColumn
from airflow_provider_heap.models.diff.dialects.duckdb import DuckDbDialect

KEYS = ["1", "1.0", "a", "A", "a ", "ä", "a\x1f", "\x1fa", "a\x00", "", None]


@pytest.mark.parametrize("type_", ["varchar", "varchar collate nocase", "varchar collate noaccent"])
def test_rows_are_counted_as_one_key_if_and_only_if_their_hash_is_one(type_):
    duckdb = pytest.importorskip("duckdb")
    dialect = DuckDbDialect()
    columns = [DiffColumn("a"), DiffColumn("b")]
    with duckdb.connect() as connection:
        connection.execute(f"create table rows (a {type_}, b {type_})")
        connection.executemany("insert into rows values (?, ?)", [[one, other] for one in KEYS for other in KEYS])
        hashes, keys = (
            connection.execute(f"select count({key}), count(distinct {key}) from rows").fetchall()
            for key in (dialect.key_hash("0", columns), dialect.census_key("0", columns))
        )
    # Of the pairs without a null, only ("a\x1f", x) and ("a", "\x1fx") can be one.
    assert keys == hashes
    assert keys[0][0] == (len(KEYS) - 1) ** 2 > keys[0][1] > 90
