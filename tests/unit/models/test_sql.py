"""A query's columns and rows come as they are, in chunks, from real databases."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models import Source
from airflow_provider_heap.models.sql import SqlModel


def read(conn_id, sql, parameters=None, fetch_size=10, **hook_params):
    """Return the columns and the chunks of a query."""
    source = Source(lambda: BaseHook.get_connection(conn_id).get_hook(hook_params=hook_params), parameters, fetch_size)
    with SqlModel(sql).open(source) as rows:
        return list(rows.columns), list(rows.chunks)


@pytest.fixture(params=["warehouse", "pg"])
def database(request):
    """SQLite and PostgreSQL, each with the numbers 1 to 25 in a table."""
    if request.param == "pg":
        request.getfixturevalue("postgres").execute("create table numbers as select n from generate_series(1, 25) n")
    else:
        request.getfixturevalue("warehouse").table("numbers", [{"n": n} for n in range(1, 26)])
    return request.param


def test_rows_come_in_chunks_of_the_fetch_size_and_in_order(database):
    columns, chunks = read(database, "select n, n * 2 as twice from numbers order by n;")
    assert columns == ["n", "twice"]
    assert [len(chunk) for chunk in chunks] == [10, 10, 5]
    assert [tuple(row) for chunk in chunks for row in chunk] == [(n, n * 2) for n in range(1, 26)]


def test_a_query_without_rows_has_columns_all_the_same(database):
    assert read(database, "select n from numbers where n > 99") == (["n"], [])


@pytest.mark.parametrize("sql", ["update numbers set n = 0", "delete from numbers", "create table other (n int)"])
def test_a_statement_that_returns_no_rows_is_refused_and_changes_nothing(database, sql):
    with pytest.raises(ModelError, match="returns"):
        read(database, sql)
    assert read(database, "select count(*), min(n) from numbers")[1][0] in ([(25, 1)], [[25, 1]])


@pytest.mark.parametrize("sql", ["", "  ;; "])
def test_an_empty_statement_is_refused(warehouse, sql):
    with pytest.raises(ModelError, match="empty"):
        read("warehouse", sql)


def test_parameters_are_bound_in_the_style_of_the_database(database):
    sql, parameters = {
        "warehouse": ("select n from numbers where n > :least", {"least": 23}),
        "pg": ("select n from numbers where n > %(least)s", {"least": 23}),
    }[database]
    assert [tuple(row) for row in read(database, sql, parameters)[1][0]] == [(24,), (25,)]


def test_an_error_of_the_database_stays_its_own(database):
    with pytest.raises(Exception, match="nowhere") as error:
        read(database, "select * from nowhere")
    assert not isinstance(error.value, ModelError)


def test_rows_of_a_dict_cursor_are_rows_all_the_same(postgres, monkeypatch):
    import json
    import os

    connection = json.loads(os.environ["AIRFLOW_CONN_PG"])
    connection["extra"]["cursor"] = "dictcursor"
    monkeypatch.setenv("AIRFLOW_CONN_PG", json.dumps(connection))
    columns, [chunk] = read("pg", "select 1 as a, 'x' as b")
    assert columns == ["a", "b"]
    assert [tuple(row) for row in chunk] == [(1, "x")]


def test_postgres_keeps_the_rows_until_they_are_asked_for(postgres):
    """A client-side cursor would hold all 30 MB before the first row."""
    source = Source(BaseHook.get_connection("pg").get_hook, None, 10)
    with SqlModel("select repeat('x', 300000) from generate_series(1, 100)").open(source) as rows:
        next(iter(rows.chunks))
        cursors = postgres.execute("select count(*) from pg_stat_activity where query like 'FETCH FORWARD 10%'")
        assert cursors.fetchone() == (1,)
