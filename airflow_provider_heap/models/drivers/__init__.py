"""How rows are read through each driver: a class for each, the first of them for all that follow PEP 249."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow_provider_heap.exceptions import ModelError, ModelUnavailableError
from airflow_provider_heap.models.drivers.base import Driver

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook

#: Module and class here, by the driver's own module.
_CLASSES = {
    "psycopg": ("postgres", "Psycopg"),
    "psycopg2": ("postgres", "Psycopg2"),
    "MySQLdb": ("mysql", "MySqlClient"),
    "pymysql": ("mysql", "PyMySql"),
    "mysql": ("mysql", "MySqlConnector"),
    "sqlite3": ("sqlite", "Sqlite"),
    "duckdb": ("warehouses", "DuckDb"),
    "snowflake": ("warehouses", "Snowflake"),
    "google": ("bigquery", "BigQuery"),
    "redshift_connector": ("redshift", "Redshift"),
    "pyhive": ("hive", "PyHive"),
    "databricks": ("warehouses", "Databricks"),
    "trino": ("warehouses", "Trino"),
    "clickhouse_connect": ("clickhouse", "ClickHouseConnect"),
    "clickhouse_driver": ("clickhouse", "ClickHouseDriver"),
}
#: Drivers behind connections of a provider's own, by the provider's package.
_WRAPPED = {"airflow.providers.clickhousedb": "clickhouse_connect"}

#: What drivers raise when they can't connect, by PEP 249's names.
_UNREACHABLE = frozenset({"OperationalError", "InterfaceError", "DatabaseError"})


@contextmanager
def connect(hook: DbApiHook) -> Iterator[Driver]:
    """
    Open a connection of a hook. It is closed when the context ends.

    :param hook: the hook of a SQL connection.
    :return: the driver, with the connection.
    :raises ModelError: when the connection can't be read from.
    :raises ModelUnavailableError: when the database can't be reached.
    """
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(_open(hook))
        except Exception as error:
            if not isinstance(error, OSError) and type(error).__name__ not in _UNREACHABLE:
                raise
            raise ModelUnavailableError(
                f"sql_conn_id {hook.get_conn_id()!r}: the database can't be reached, or refuses the login "
                f"({type(error).__name__}: {str(error).strip()}). Check the connection in Airflow."
            ) from error
        if not hasattr(connection, "cursor"):
            raise ModelError(
                f"A {type(connection).__name__} has no cursors, as PEP 249 wants them, so no rows can be read from it. "
                "Override get_db_hook() of the operator to return a hook whose connections have."
            )
        yield _driver(connection)


def _open(hook: DbApiHook) -> AbstractContextManager[Any]:
    # A hook of the user's that opens connections by itself is left alone.
    if getattr(type(hook).get_conn, "__module__", "") == "airflow.providers.google.cloud.hooks.bigquery":
        from airflow_provider_heap.models.drivers.bigquery import open_connection

        return open_connection(hook)
    # As the hook's own run() begins: named cursors need a transaction, whatever the connection says.
    connection: AbstractContextManager[Any] = hook._create_autocommit_connection(False)
    return connection


def _driver(connection: Any) -> Driver:
    # DuckDB's own module is _duckdb; other connections may inherit from a driver's.
    modules = [_driver_module(base.__module__) for base in type(connection).__mro__]
    known = next((module for module in modules if module in _CLASSES), None)
    if known is None:
        return Driver(connection, modules[0])
    module, name = _CLASSES[known]
    driver: Driver = getattr(import_module(f"{__name__}.{module}"), name)(connection, known)
    return driver


def _driver_module(module: str) -> str:
    """Return the module of the driver that a class belongs to."""
    wrapped = next((driver for package, driver in _WRAPPED.items() if module.startswith(f"{package}.")), None)
    return wrapped or module.partition(".")[0].lstrip("_")
