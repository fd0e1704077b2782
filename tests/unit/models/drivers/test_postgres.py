"""Both drivers of PostgreSQL hand over the same values, those that Python has not too."""

from __future__ import annotations

import datetime
import json
import os

import pytest
import sqlalchemy

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models.drivers.postgres import array_texts_to_lists
from airflow_provider_heap.sync.mapping.unreadable import UnreadableValue
from tests.unit.models.drivers.reading import column, read


@pytest.fixture(params=["psycopg", "psycopg2"], autouse=True)
def driver(request, postgres, monkeypatch):
    """Each test runs with both drivers."""
    pytest.importorskip(request.param)
    if request.param == "psycopg" and sqlalchemy.__version__ < "2":
        pytest.skip("Airflow uses psycopg 3 with SQLAlchemy 2 only")
    from airflow.providers.postgres.hooks import postgres as hooks

    monkeypatch.setattr(hooks, "USE_PSYCOPG3", request.param == "psycopg")
    return request.param


def values(*texts):
    return "select * from (values " + ", ".join(f"({text})" for text in texts) + ") v(x)"


@pytest.mark.parametrize("infinity", ["infinity", "-infinity"])
@pytest.mark.parametrize(
    ("kind", "plain", "read_as"),
    [
        ("date", "2026-01-01", datetime.date(2026, 1, 1)),
        ("timestamp", "2026-01-01 10:00", datetime.datetime(2026, 1, 1, 10)),
        ("timestamptz", "2026-01-01 10:00+00", datetime.datetime(2026, 1, 1, 10, tzinfo=datetime.UTC)),
    ],
)
def test_infinity_is_null_and_the_rows_around_it_are_read(kind, plain, read_as, infinity):
    moments = [f"{kind} '{plain}'", f"{kind} '{infinity}'", f"{kind} '{plain}'", f"{kind} '{plain}'"]
    assert column("pg", values(*moments)) == [read_as, None, read_as, read_as]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("date '0044-03-15 BC'", "0044-03-15 BC"),
        ("date '20000-01-01'", "20000-01-01"),
        ("timestamp '20000-01-01'", "20000-01-01 00:00:00"),
        ("timestamptz '0044-03-15 BC'", None),
        ("time '24:00'", "24:00:00"),
        ("timetz '24:00+00'", "24:00:00+00"),
        ("interval '9999999 years'", "9999999 years"),
    ],
)
def test_what_python_cannot_hold_is_unreadable_and_the_other_rows_are_read(value, text):
    first, odd, last = column("pg", f"select case n when 2 then {value} end from generate_series(1, 3) n")
    assert (first, last) == (None, None)
    assert isinstance(odd, UnreadableValue)
    assert text is None or odd.text == text


def test_infinity_inside_of_an_array_is_null_too():
    assert column("pg", "select array[date 'infinity', date '2026-01-01']") == [[None, datetime.date(2026, 1, 1)]]


def test_a_range_up_to_infinity_is_the_text_of_the_database():
    [text] = column("pg", "select tsrange('2026-01-01', 'infinity')")
    assert str(text) == '["2026-01-01 00:00:00",infinity)'


def test_arrays_of_types_that_the_driver_does_not_know_are_lists(postgres):
    postgres.execute("create type mood as enum ('so so', 'fine')")
    assert column("pg", "select array['so so', 'fine', null]::mood[]") == [["so so", "fine", None]]
    [uuids] = column("pg", "select array['00000000-0000-0000-0000-000000000001'::uuid]")
    assert list(map(str, uuids)) == ["00000000-0000-0000-0000-000000000001"]


def test_json_was_decoded_by_the_driver_and_is_not_decoded_again():
    assert column("pg", """select '"123"'::jsonb""") == ["123"]


def test_an_error_of_the_database_in_the_middle_of_a_fetch_stays_its_own():
    with pytest.raises(Exception, match="division by zero"):
        column("pg", "select 1 / (3 - n) from generate_series(1, 5) n")


@pytest.fixture
def ascii_database(postgres, monkeypatch):
    """A database whose encoding is SQL_ASCII, as the connection ``ascii``."""
    name = f"heap_ascii_{os.getpid()}"
    postgres.execute(f"drop database if exists {name}")
    postgres.execute(f"create database {name} encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0")
    connection = {**json.loads(os.environ["AIRFLOW_CONN_PG"]), "schema": name, "extra": {}}
    monkeypatch.setenv("AIRFLOW_CONN_ASCII", json.dumps(connection))
    yield name
    postgres.execute(f"drop database {name} with (force)")


def test_texts_of_a_database_without_an_encoding_are_utf_8(ascii_database):
    rows = column("ascii", r"select v.x from (values ('plain'), (E'caf\303\251'), (E'caf\351'), ('x')) v(x)")
    assert rows == ["plain", "café", UnreadableValue("text that is not UTF-8", r"caf\xe9"), "x"]
    assert column("ascii", r"select array[E'caf\303\251']") == [["café"]]


def test_a_query_that_such_a_database_cannot_be_asked_is_refused(ascii_database):
    with pytest.raises(ModelError, match=r'SQL_ASCII, .*"client_encoding": "UTF8"'):
        column("ascii", "select 'é'")


@pytest.mark.parametrize(
    ("text", "array"),
    [
        ("{}", []),
        ("{a,b}", ["a", "b"]),
        ('{"a,b",NULL,"NULL","say \\"x\\"","back\\\\slash"}', ["a,b", None, "NULL", 'say "x"', "back\\slash"]),
        ("{{1,2},{3,4}}", [["1", "2"], ["3", "4"]]),
        ("[2:3]={a,b}", ["a", "b"]),
        ('{""}', [""]),
        (None, None),
        (["a"], ["a"]),
    ],
)
def test_the_text_of_an_array(text, array):
    assert array_texts_to_lists([text]) == [array]


def test_types_are_named():
    types, _ = read("pg", "select 1 as a, true as b, array['00000000-0000-0000-0000-000000000001'::uuid] as c")
    assert types[0] in ("int4", "integer")
    assert types[1] in ("bool", "boolean")
