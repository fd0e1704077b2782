"""
What differs between databases when they compare rows: one class for each.

To add a database, write a module with its class, and name it in ``_CLASSES`` under its driver's module. What a class
must get right is the hash of a row: two rows that differ in any value must have different texts before MD5 makes 32
digits of them. The hashes that databases have for several values at once don't: many take ``(null, 'x')`` for
``('x', null)``. Each run has the database prove it.

MD5 is not for security here. It makes the columns of the tables short, and keeps values out of them.
"""

from __future__ import annotations

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models.diff.dialects.base import DiffDialect
from airflow_provider_heap.models.diff.dialects.bigquery import BigQueryDialect
from airflow_provider_heap.models.diff.dialects.clickhouse import ClickHouseDialect
from airflow_provider_heap.models.diff.dialects.duckdb import DuckDbDialect
from airflow_provider_heap.models.diff.dialects.mysql import MySqlDialect
from airflow_provider_heap.models.diff.dialects.other import OtherDialect
from airflow_provider_heap.models.diff.dialects.postgres import PostgresDialect
from airflow_provider_heap.models.diff.dialects.snowflake import SnowflakeDialect
from airflow_provider_heap.models.diff.dialects.spark import DatabricksDialect, SparkDialect
from airflow_provider_heap.models.diff.dialects.sqlite import SqliteDialect

#: By the driver's module.
_CLASSES: dict[str, type[DiffDialect]] = {
    "psycopg": PostgresDialect,
    "psycopg2": PostgresDialect,
    "MySQLdb": MySqlDialect,
    "pymysql": MySqlDialect,
    "mysql": MySqlDialect,
    "sqlite3": SqliteDialect,
    "duckdb": DuckDbDialect,
    "snowflake": SnowflakeDialect,
    "google": BigQueryDialect,
    "pyhive": SparkDialect,
    "databricks": DatabricksDialect,
    "clickhouse_connect": ClickHouseDialect,
    "clickhouse_driver": ClickHouseDialect,
}


def dialect_of(driver: str, expression: str | None = None) -> DiffDialect:
    """
    Return the dialect of a database.

    :param driver: the driver's module.
    :param expression: makes the MD5 of ``{text}`` in a database that is not known.
    :raises ModelError: when rows can't be compared in that database.
    """
    if expression is not None:
        return OtherDialect(expression)
    if driver not in _CLASSES:
        labels = ", ".join(sorted({cls.label for cls in _CLASSES.values()}, key=str.lower))
        raise ModelError(
            f"diff_schema: rows can't be compared in a database reached through {driver!r}. They can in: {labels}. "
            "Leave it out, and the worker compares, or say how this database makes an MD5: diff_hash='md5({text})'."
        )
    return _CLASSES[driver]()
