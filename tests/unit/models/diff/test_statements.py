"""The SQL of a comparison."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from airflow_provider_heap.models.diff.dialects.base import DiffColumn
from airflow_provider_heap.models.diff.dialects.postgres import PostgresDialect
from airflow_provider_heap.models.diff.dialects.sqlite import SqliteDialect
from airflow_provider_heap.models.diff.statements import DiffStatements
from airflow_provider_heap.models.parameters import double_percents
from airflow_provider_heap.sync.state.parts import KeyRange

KEY = "0123456789abcdef0123456789abcdef"


def statements(**parameters):
    email, plan = DiffColumn("email"), DiffColumn("Plan")
    given = {
        "dialect": PostgresDialect(),
        "sent": '"heap"."heap_1"',
        "changes": '"heap"."heap_1_2"',
        "model": "select * from users -- all",
        "columns": (email, plan),
        "key": (email,),
        "salts": ("aa", "bb"),
    }
    return DiffStatements(**{**given, **parameters})


def test_the_columns_are_hashed_in_the_order_of_their_names():
    assert """md5(cast(json_build_array('bb', "Plan", "email") as text))""" in statements().select_changes(True)


def test_the_model_ends_with_its_line():
    assert "-- all\n)" in statements().select_changes(True)
    assert "-- all\n)" in statements().census([])


def test_a_hash_that_is_null_counts_as_changed():
    assert "s.heap_row <> coalesce(d.heap_row, '')" in statements().select_changes(True)


def test_of_events_the_key_decides_alone():
    assert statements(write_once=True).select_changes(True).endswith("where s.heap_key is null")


def test_without_a_comparison_nothing_is_joined():
    assert "join" not in statements().select_changes(False)


def test_the_census_counts_the_values_of_columns():
    assert 'count(d."Plan") as f0' in statements().census(["Plan"])


def test_a_column_named_as_a_count_is_counted():
    assert 'count(d."count(x)") as f0' in statements().census(["count(x)"])


def test_around_a_model_with_parameters_all_but_the_model_is_escaped():
    model = "select * from t where n > %s and x like 'a%%'"
    columns = (DiffColumn("email"), DiffColumn("100%"))
    made = statements(model=model, columns=columns, changes='"heap"."50%"', escape=double_percents)
    for sql in (
        made.create_changes(True),
        made.create_changes(False),
        made.select_changes(True),
        made.census(["100%"]),
    ):
        before, found, after = sql.partition(f"(\n{model}\n)")
        assert found
        assert '"100%%"' in before
        assert "%" not in (before + after).replace("%%", "")
    # These are run without parameters.
    assert made.changed_keys == 'select heap_key from "heap"."50%" where heap_key is not null'


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize(
    ("emails", "rows", "found"),
    [(["a", "b"], 2, False), (["a", None, None], 3, False), (["a", "a", "b", "b", "b"], 5, True), ([], 0, False)],
)
def test_keys_that_come_more_than_once_are_found_grouped_or_not(grouped, emails, rows, found):
    model = " union all ".join(["select null as email where 1 = 0"] + ["select ? as email"] * len(emails))
    given = statements(dialect=SqliteDialect(), model=model)
    with closing(sqlite3.connect(":memory:")) as connection:
        given.dialect.prepare(connection)
        counted, again, filled = connection.execute(given.census(["email"], grouped), emails).fetchone()
    assert (counted, bool(again), filled) == (rows, found, sum(email is not None for email in emails))


def test_the_first_part_holds_the_rows_without_a_key():
    assert statements().read_changes(KeyRange("", "8")).endswith("where (heap_key <= '8' or heap_key is null)")
    assert statements().read_changes(KeyRange("8", "")).endswith("where heap_key > '8'")
    assert statements().read_changes(KeyRange()).endswith('heap_1_2"')


def test_what_heap_refused_is_not_recorded():
    sql = statements().record(KeyRange("8", ""), [KEY], 5)
    assert sql.endswith(
        f"heap_key is not null and heap_row is not null and heap_key > '8' and heap_key not in ('{KEY}')"
    )
