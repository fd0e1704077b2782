"""Rows are read from an answer of Looker one at a time, without its texts, links and drills."""

from __future__ import annotations

import io
import json

import pytest

from airflow_provider_heap.exceptions import ModelError, ModelUnavailableError

pytest.importorskip("ijson")

from airflow_provider_heap.models.looker.results import Field, Results, column_names

FIELDS = {
    "dimensions": [{"name": "users.email", "label": "Users Email"}],
    "measures": [{"name": "users.seats", "label": None}],
}


def answer(rows, fields=FIELDS, **more):
    """Return an answer in the format ``json_bi``."""
    return io.BytesIO(json.dumps({"metadata": {"fields": fields}, "rows": rows, **more}).encode())


def results(rows, **options):
    """Return the results of an answer."""
    return Results(answer(rows, **options), "json_bi", "Look 42")


def test_the_value_of_a_cell_counts_and_not_what_looker_shows():
    rows = [{"users.email": {"value": "ada", "rendered": "<b>ada</b>"}, "users.seats": {"value": 3}}]
    assert list(results(rows).chunks(10)) == [[("ada", 3)]]


def test_a_cell_may_be_missing_null_or_bare():
    rows = [{"users.email": {"value": None}}, {"users.email": "bob", "users.seats": 2}]
    assert list(results(rows).chunks(10)) == [[(None, None), ("bob", 2)]]


def test_rows_come_in_chunks():
    rows = [{"users.email": str(number), "users.seats": number} for number in range(5)]
    assert [len(chunk) for chunk in results(rows).chunks(2)] == [2, 2, 1]
    assert list(results([]).chunks(2)) == []


def test_the_older_format_has_the_same():
    file = io.BytesIO(json.dumps({"fields": FIELDS, "data": [{"users.email": {"value": "ada"}}]}).encode())
    older = Results(file, "json_detail", "Look 42")
    assert older.fields == [Field("users.email", "Users Email"), Field("users.seats", "users.seats")]
    assert list(older.chunks(10)) == [[("ada", None)]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"errors": [{"message": "no such table"}, "second"]}, "could not run Look 42: no such table; second"),
        ({"fields": {**FIELDS, "pivots": [{"name": "x"}]}}, "Look 42 has pivots"),
    ],
)
def test_an_error_and_pivots_are_refused(options, message):
    with pytest.raises(ModelError, match=message):
        results([], **options)


def test_an_error_in_the_place_of_rows_is_refused():
    with pytest.raises(ModelError, match="could not run Look 42: timeout"):
        list(results([{"looker_error": "timeout"}]).chunks(10))


def test_an_answer_that_ends_early_may_be_whole_later():
    file = io.BytesIO(answer([{"users.email": str(number)} for number in range(100)]).getvalue()[:-40])
    with pytest.raises(ModelUnavailableError, match="ends early"):
        list(Results(file, "json_bi", "Look 42").chunks(10))


def test_columns_are_named_by_name_or_by_label():
    fields = [Field("a.id", "ID"), Field("b.name", "Name")]
    assert column_names(fields, "name", "Look 42") == ["a.id", "b.name"]
    assert column_names(fields, "label", "Look 42") == ["ID", "Name"]
    with pytest.raises(ModelError, match=r"The fields 'a.id', 'b.id' of Look 42 have the same label 'ID'"):
        column_names([Field("a.id", "ID"), Field("b.id", "ID")], "label", "Look 42")
