"""What the dialects have in common; whether their hashes tell rows apart is tried on the databases themselves."""

from __future__ import annotations

import pytest

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models.diff.dialects import _CLASSES, dialect_of
from airflow_provider_heap.models.diff.dialects.base import DiffColumn
from airflow_provider_heap.models.diff.dialects.duckdb import DuckDbDialect
from airflow_provider_heap.models.diff.dialects.postgres import PostgresDialect

DIALECTS = sorted({cls.__name__: cls for cls in _CLASSES.values()}.items())


def test_a_database_that_is_not_known_is_refused_with_the_list_of_those_that_are():
    with pytest.raises(ModelError, match=r"through 'oracledb'. They can in: .*MySQL/MariaDB, PostgreSQL.*SQLite"):
        dialect_of("oracledb")


@pytest.mark.parametrize(("name", "cls"), DIALECTS)
def test_names_are_quoted_whatever_they_hold(name, cls):
    dialect = cls()
    name = dialect.quoted(f"a {dialect.quote} b")
    assert name.startswith(dialect.quote)
    assert name.endswith(dialect.quote)
    assert dialect.quote not in name[1:-1].replace(f"\\{dialect.quote}", "").replace(dialect.quote * 2, "")


def test_a_schema_may_have_the_name_of_its_database_before_it():
    assert PostgresDialect().table("db.heap", "t") == '"db"."heap"."t"'


def test_only_letters_and_digits_are_written_as_a_text():
    with pytest.raises(ValueError, match="Only letters and digits"):
        PostgresDialect().literal("a'b")


def test_a_function_gets_at_most_fifty_values():
    sql = DuckDbDialect().row_hash("0", [DiffColumn(f"c{n}") for n in range(120)])
    assert sql.count("json_array(") == 4
