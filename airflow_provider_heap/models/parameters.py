"""Bind parameters: each driver takes them in its own form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airflow_provider_heap.exceptions import ModelError

#: Writes SQL that is run together with a query's parameters, so that its driver takes nothing in it for one.
Escape = Callable[[str], str]

_PERCENT = ("`%(name)s` with a dict", "`%s` with a list")
#: How a query and its parameters are written for a driver, by its module.
_FORMS = {
    "psycopg": _PERCENT,
    "psycopg2": _PERCENT,
    "MySQLdb": _PERCENT,
    "pymysql": _PERCENT,
    "mysql": _PERCENT,
    "snowflake": _PERCENT,
    "google": _PERCENT,
    "pyhive": _PERCENT,
    "redshift_connector": ("`%s` with a list",),
    "clickhouse_driver": ("`%(name)s` with a dict",),
    "clickhouse_connect": ("`%(name)s` or `{name:Type}` with a dict", "`%s` with a list"),
    "sqlite3": ("`:name` with a dict", "`?` with a list"),
    "duckdb": ("`$name` with a dict", "`?` with a list"),
    "pyodbc": ("`?` with a list",),
    "trino": ("`?` with a list",),
    "oracledb": ("`:name` with a dict", "`:1` with a list"),
}
#: How people call drivers whose module has another name.
_NAMES = {
    "google": "BigQuery",
    "MySQLdb": "mysqlclient",
    "mysql": "mysql-connector-python",
    "sqlite3": "SQLite",
    "duckdb": "DuckDB",
    "pyodbc": "ODBC",
    "snowflake": "Snowflake",
    "redshift_connector": "Redshift",
    "pyhive": "PyHive",
    "clickhouse_connect": "clickhouse-connect",
    "clickhouse_driver": "clickhouse-driver",
}
#: By PEP 249's name of a style, for drivers that are not listed.
_STYLES = {
    "qmark": ("`?` with a list",),
    "numeric": ("`:1` with a list",),
    "named": ("`:name` with a dict",),
    "format": ("`%s` with a list",),
    "pyformat": ("`%(name)s` with a dict",),
}
#: What drivers raise for parameters that don't fit: Python's own errors, or those of PEP 249, of DuckDB and of ODBC.
_PYTHON_ERRORS = (TypeError, AttributeError, KeyError, ValueError, IndexError)
_ERRORS_ABOUT_MUCH = frozenset({"Error", "InvalidInputException", "BinderException"})
_ERRORS = frozenset({"ProgrammingError", "InterfaceError"}) | _ERRORS_ABOUT_MUCH


def check_parameters(parameters: Any) -> None:
    """
    Check the kind of bind parameters.

    :param parameters: what the user gave.
    :raises ModelError: when no driver takes it.
    """
    if parameters is not None and not isinstance(parameters, Mapping | list | tuple):
        raise ModelError(
            f"parameters must be a dict, for parameters with names, or a list; found {type(parameters).__name__}."
        )


def check_form(driver: str, parameters: Any, style: str | None) -> None:
    """
    Check that a driver takes parameters of this form.

    :param driver: its module.
    :param parameters: a dict or a list, or nothing.
    :param style: the driver's ``paramstyle``, of PEP 249.
    :raises ModelError: when it does not.
    """
    kind, forms = "dict" if isinstance(parameters, Mapping) else "list", _forms(driver, style)
    if parameters and driver in _FORMS and not any(kind in form for form in forms):
        raise ModelError(f"parameters can't be a {kind} here: {_advice(driver, forms)}.")


def escape_of(driver: str, parameters: Any, style: str | None) -> Escape:
    """
    Return what writes SQL that is run together with parameters.

    :param driver: its module.
    :param parameters: a dict or a list, or nothing.
    :param style: the driver's ``paramstyle``, of PEP 249.
    """
    # Other styles are read by databases, which know what is in quotes.
    return double_percents if parameters and any("%" in form for form in _forms(driver, style)) else unescaped


def double_percents(sql: str) -> str:
    """
    Return SQL as drivers take it that put values in the place of ``%s`` with Python's own formatting.

    :param sql: the SQL.
    """
    return sql.replace("%", "%%")


def unescaped(sql: str) -> str:
    """
    Return SQL as it is.

    :param sql: the SQL.
    """
    return sql


def parameters_error(error: Exception, driver: str, parameters: Any, style: str | None) -> ModelError | None:
    """
    Return the error that says how to write parameters; None when they are not what is wrong.

    :param error: raised when the query was run.
    :param driver: the driver's module.
    :param parameters: the query's.
    :param style: the driver's ``paramstyle``, of PEP 249.
    """
    text = str(error).lower()
    mentioned = any(word in text for word in ("parameter", "binding"))
    if not isinstance(error, _PYTHON_ERRORS) and "unknown_query_parameter" not in text:  # ClickHouse's name for it
        if type(error).__name__ not in _ERRORS or (_of_the_database(error) and not mentioned):
            return None
        if type(error).__name__ in _ERRORS_ABOUT_MUCH and not mentioned:
            return None
    if not parameters and not mentioned:
        return None
    given = f"a {'dict' if isinstance(parameters, Mapping) else 'list'} of {len(parameters)}" if parameters else "none"
    return ModelError(
        f"parameters don't fit the query ({type(error).__name__}: {error}): {_advice(driver, _forms(driver, style))}; "
        f"found {given}."
    )


def _of_the_database(error: Exception) -> bool:
    """Return whether the database itself raised an error, not the driver."""
    code = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    # Numbers are those of MySQL's clients, dicts those of Redshift's.
    return bool(code) or bool(error.args and isinstance(error.args[0], int | dict))


def _forms(driver: str, style: str | None) -> tuple[str, ...]:
    return _FORMS.get(driver) or _STYLES.get(style or "") or ("the driver's own form",)


def _advice(driver: str, forms: tuple[str, ...]) -> str:
    return f"for {_NAMES.get(driver, driver)}, write {' or '.join(forms)}"
