"""Bind parameters that don't fit get the form of the driver; an error of the database stays its own."""

from __future__ import annotations

import pytest

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models.parameters import check_form, check_parameters, escape_of, parameters_error


class ProgrammingError(Exception):
    """As drivers name it."""


class DatabaseSideError(ProgrammingError):
    """One that the database raised."""

    sqlstate = "42P01"


DatabaseSideError.__name__ = "ProgrammingError"


@pytest.mark.parametrize("parameters", [None, {}, [], (), {"a": 1}, [1], (1,)])
def test_dicts_and_lists_are_parameters(parameters):
    check_parameters(parameters)


@pytest.mark.parametrize("parameters", ["abc", b"abc", {1}, 5, iter([1])])
def test_nothing_else_is(parameters):
    with pytest.raises(ModelError, match="parameters must be a dict"):
        check_parameters(parameters)


@pytest.mark.parametrize(
    ("driver", "parameters", "form"),
    [
        ("redshift_connector", {"a": 1}, "for Redshift, write `%s` with a list"),
        ("pyodbc", {"a": 1}, "for ODBC, write `?` with a list"),
        ("clickhouse_driver", [1], "for clickhouse-driver, write `%(name)s` with a dict"),
    ],
)
def test_a_kind_that_the_driver_does_not_take_is_refused(driver, parameters, form):
    with pytest.raises(ModelError) as caught:
        check_form(driver, parameters, None)
    assert str(caught.value).endswith(f"{form}.")


@pytest.mark.parametrize("driver", ["google", "snowflake", "psycopg", "MySQLdb", "pyhive", "clickhouse_connect"])
@pytest.mark.parametrize("parameters", [{"a": 1}, [1], None])
def test_most_drivers_take_both(driver, parameters):
    check_form(driver, parameters, None)


@pytest.mark.parametrize("error", [TypeError("x"), AttributeError("x"), KeyError("x"), ProgrammingError("x")])
def test_errors_of_python_and_of_the_driver_are_of_the_parameters(error):
    found = parameters_error(error, "google", [1], None)
    assert "for BigQuery, write `%(name)s` with a dict or `%s` with a list; found a list of 1" in str(found)


@pytest.mark.parametrize(
    "error", [DatabaseSideError("no table"), ProgrammingError(1146, "no table"), OSError("x"), RuntimeError("x")]
)
def test_errors_of_the_database_and_of_the_network_are_not(error):
    assert parameters_error(error, "psycopg", [1], None) is None


def test_without_parameters_only_an_error_that_mentions_them_is():
    assert parameters_error(TypeError("x"), "sqlite3", None, None) is None
    found = parameters_error(
        ProgrammingError("You did not supply a value for binding parameter :a."), "sqlite3", None, None
    )
    assert "found none" in str(found)


def test_an_unknown_driver_is_asked_for_its_style():
    assert "`:1` with a list" in str(parameters_error(TypeError("x"), "other", [1], "numeric"))
    assert "the driver's own form" in str(parameters_error(TypeError("x"), "other", [1], None))


def test_a_parameter_that_clickhouse_misses_is_of_the_parameters():
    error = Exception("Code: 456. DB::Exception: Substitution `n` is not set. (UNKNOWN_QUERY_PARAMETER)")
    found = parameters_error(error, "clickhouse_connect", None, None)
    assert "`%(name)s` or `{name:Type}` with a dict or `%s` with a list; found none" in str(found)


@pytest.mark.parametrize(
    ("driver", "style", "written"),
    [
        *((name, None, '"100%%"') for name in ("psycopg", "psycopg2", "MySQLdb", "pymysql", "pyhive", "google")),
        ("clickhouse_driver", None, '"100%%"'),
        ("other", "format", '"100%%"'),
        *((name, None, '"100%"') for name in ("sqlite3", "duckdb", "pyodbc", "trino", "oracledb", "other")),
    ],
)
def test_a_percent_sign_beside_parameters_is_written_as_the_driver_takes_it(driver, style, written):
    assert escape_of(driver, [1], style)('"100%"') == written
    assert escape_of(driver, None, style)('"100%"') == '"100%"'
