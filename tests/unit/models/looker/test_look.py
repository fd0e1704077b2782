"""A Look is read by its SQL or by Looker's rows; what cannot be right is refused before Looker is asked."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace

import pytest

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models import ReadContext
from airflow_provider_heap.models.looker import LookerLook

api = pytest.importorskip("airflow_provider_heap.models.looker.api", exc_type=ImportError)

FIELDS = {"dimensions": [{"name": "users.email", "label": "Email"}], "measures": [{"name": "users.n", "label": "N"}]}
QUERY = {
    **dict.fromkeys(["dynamic_fields", "has_table_calculations", "total", "row_total", "subtotals", "fill_fields"]),
    "fields": ["users.email", "users.n"],
    "pivots": None,
    "limit": "-1",
}


class Looker:
    """Looker's answers: a Look, its SQL, its rows; and what it was asked for."""

    def __init__(self, rows=2, **look):
        self.found = SimpleNamespace(**{"title": "People", "deleted": False, "query": SimpleNamespace(**QUERY), **look})
        self.rows = rows
        self.asked = []

    def __call__(self, conn_id):
        self.asked.append(conn_id)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.asked.append("logout")

    def look(self, look_id):
        self.asked.append(("look", look_id))
        return self.found

    def sql(self, look_id, limit):
        self.asked.append(("sql", look_id, limit))
        return 'select email as "users.email", n as users_n from users order by n'

    def results(self, look_id, limit, file, table_calculations):
        self.asked.append(("results", look_id, limit, table_calculations))
        rows = [{"users.email": f"u{n}", "users.n": {"value": n, "rendered": "x"}} for n in range(self.rows)]
        file.write(json.dumps({"metadata": {"fields": FIELDS}, "rows": rows}).encode())
        return "json_bi"


@pytest.fixture
def looker(monkeypatch):
    """Make Looker answer as it is told."""

    def make(**options):
        made = Looker(**options)
        monkeypatch.setattr(api, "Looker", made)
        return made

    return make


def read(look, hook=None, **source):
    with look.open(ReadContext(lambda: hook, **source)) as rows:
        return list(rows.columns), [tuple(row) for chunk in rows.chunks for row in chunk]


def test_messages_call_it_by_its_number_and_connections():
    assert LookerLook(42).describe("pg") == "Look 42 of connection 'looker_default' (SQL on connection 'pg')"
    assert LookerLook("7", "other", mode="results").describe(None) == "Look 7 of connection 'other'"


def test_results_are_asked_for_once_with_all_rows(looker):
    asked = looker().asked
    assert read(LookerLook(" 42 ", mode="results")) == (["users.email", "users.n"], [("u0", 0), ("u1", 1)])
    assert asked == ["looker_default", ("look", "42"), ("results", "42", -1, False), "logout"]


@pytest.mark.parametrize(("limit", "asked"), [(None, -1), ("", -1), ("None", -1), ("-1", -1), (7, 7), (" 7 ", 7)])
def test_a_limit_is_a_number_or_its_text(looker, limit, asked):
    made = looker()
    read(LookerLook(42, mode="results", limit=limit))
    assert ("results", "42", asked, False) in made.asked


def test_the_sql_runs_on_the_users_connection_after_the_session_with_looker_has_ended(looker, warehouse):
    from airflow_provider_heap.hooks.sql import sql_hook

    made = looker()
    warehouse.table("users", [{"email": "ada", "n": 1}, {"email": "bob", "n": 2}])
    columns, rows = read(LookerLook(42, by="label"), sql_hook("warehouse"))
    assert (columns, rows) == (["Email", "N"], [("ada", 1), ("bob", 2)])
    # The one row is read for the labels.
    assert made.asked[2:] == [("sql", "42", -1), ("results", "42", 1, False), "logout"]


@pytest.mark.parametrize("mode", ["sql", "results"])
@pytest.mark.parametrize(
    ("look", "message"),
    [
        ({"deleted": True}, r"Look 42 \('People'\) is in Looker's trash"),
        ({"query": None, "title": None}, "Look 42 has no query of its own"),
        ({"query": SimpleNamespace(**{**QUERY, "pivots": ["users.plan"]})}, "has pivots"),
    ],
)
def test_a_look_that_has_no_rows_of_its_own_is_refused_and_the_session_ends(looker, mode, look, message):
    made = looker(**look)
    with pytest.raises(ModelError, match=message):
        read(LookerLook(42, mode=mode))
    assert made.asked[-1] == "logout"


@pytest.mark.parametrize(
    ("look", "source", "message"),
    [
        ({"mode": "csv"}, {}, "mode of LookerLook must be 'sql' or 'results'; found 'csv'"),
        ({"by": "id"}, {}, "by of LookerLook must be 'name' or 'label'; found 'id'"),
        ({"look_id": "my-look"}, {}, "needs the number of a Look"),
        ({"look_id": -42}, {}, "needs the number of a Look"),
        ({"limit": 0}, {}, "limit of LookerLook must be a count of rows, or -1 for all; found 0"),
        ({"limit": -2}, {}, "limit of LookerLook must be a count of rows"),
        ({"limit": "many"}, {}, "limit of LookerLook must be a count of rows"),
        ({}, {"parameters": {"a": 1}}, "the filters of a Look are in Looker"),
    ],
)
def test_what_cannot_be_right_is_refused_before_looker_is_asked(looker, look, source, message):
    made = looker()
    with pytest.raises(ModelError, match=message):
        read(LookerLook(**{"look_id": 42, **look}), **source)
    assert made.asked == []


@pytest.mark.parametrize(
    ("rows", "limit", "warned"), [(5000, None, True), (4999, None, False), (5001, None, False), (5000, 5000, False)]
)
def test_exactly_as_many_rows_as_looker_gives_to_the_less_permitted_are_a_warning(looker, caplog, rows, limit, warned):
    caplog.set_level(logging.WARNING)
    looker(rows=rows)
    assert len(read(LookerLook(42, mode="results", limit=limit))[1]) == rows
    assert ("gave exactly 5,000 rows" in caplog.text) == warned


def test_rows_come_in_chunks_of_the_size_that_is_asked_for(looker):
    looker(rows=5)
    with LookerLook(42, mode="results").open(ReadContext(lambda: None, fetch_size=2)) as rows:
        assert [len(chunk) for chunk in rows.chunks] == [2, 2, 1]
