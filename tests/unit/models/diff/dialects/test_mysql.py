"""The expressions of MySQL and MariaDB."""

from __future__ import annotations

from airflow_provider_heap.models.diff.dialects.base import DiffColumn
from airflow_provider_heap.models.diff.dialects.mysql import MySqlDialect


def test_mysql_keeps_character_sets_out_of_hashes():
    assert MySqlDialect().key_hash("0", [DiffColumn("k")]) == (
        "convert(md5(concat('0', convert(`k` using utf8mb4))) using ascii) collate ascii_bin"
    )


def test_a_moment_of_the_hour_that_comes_twice_is_marked():
    columns = [DiffColumn("a", "string"), DiffColumn("at", "datetime")]
    assert MySqlDialect().row_hash("0", columns) == (
        "convert(md5(concat(json_array('0', `a`, `at`), if(unix_timestamp(`at`) <> unix_timestamp(concat(`at`)), ' 1', "
        "''))) using ascii) collate ascii_bin"
    )
