"""The SQL of the table of hashes."""

from __future__ import annotations

from hashlib import md5

import pytest

from airflow_provider_heap.models.diff.dialects.mysql import MySqlDialect
from airflow_provider_heap.models.diff.dialects.postgres import PostgresDialect
from airflow_provider_heap.models.diff.sent_statements import SELF_TEST, SentStatements

KEY = "0123456789abcdef0123456789abcdef"


def statements(dialect=None):
    return SentStatements(dialect or PostgresDialect(), '"heap"."heap_1"')


def test_nothing_but_a_hash_is_written_as_one():
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        statements().of_keys(["x' or 1 = 1 --"])
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        statements().rows([(KEY, "'", 1)])
    assert statements().of_keys([KEY]).endswith(f"in ('{KEY}')")


def test_a_table_has_two_hashes_and_a_time():
    assert statements().create_sent == (
        'create table if not exists "heap"."heap_1" (heap_key varchar(32) collate "C" not null, '
        'heap_row varchar(32) collate "C" not null, sent_at bigint not null)'
    )
    assert "primary key (heap_key, heap_row)" in statements(MySqlDialect()).create_sent


def test_the_self_test_has_a_row_for_each_that_differs():
    assert statements().self_test.count("select md5") == len(SELF_TEST) + 1
    assert statements().key_of_test == md5(b"0a\x1fb").hexdigest()
