"""Databases that compare rows themselves: a table, a schema for the comparison, and a way to run statements."""

from __future__ import annotations

import json
import sqlite3

import duckdb


class Source:
    """
    A database.

    :param conn_id: the Airflow connection to it.
    :param schema: where tables may be made.
    :param run: runs a statement, and returns its rows.
    """

    def __init__(self, conn_id, schema, run):
        self.conn_id = conn_id
        self.schema = schema
        self.run = run

    def quoted(self, name):
        """Return a name with the quotes of the database."""
        quote = "`" if self.conn_id in ("maria", "spark") else '"'
        return quote + name.replace(quote, quote * 2) + quote

    def name(self, column):
        """Return the name that the database gives a column whose name has no quotes."""
        return column

    @property
    def tables(self):
        """The names of the tables that syncs made."""
        catalog = "sqlite_master" if self.conn_id == "warehouse" else "information_schema.tables"
        column = "name" if self.conn_id == "warehouse" else "table_name"
        where = "type = 'table'" if self.conn_id == "warehouse" else f"table_schema = '{self.schema}'"
        return sorted(
            row[0] for row in self.run(f"select {column} from {catalog} where {where} and {column} like 'heap_%'")
        )

    @property
    def sent(self):
        """The rows of the table of hashes."""
        [table] = [name for name in self.tables if name.count("_") == 1]
        return self.run(f"select heap_key, heap_row, sent_at from {self.schema}.{table}")


def _sqlite(request, tmp_path, monkeypatch):
    warehouse = request.getfixturevalue("warehouse")

    def run(statement):
        with sqlite3.connect(warehouse.path) as connection:
            return connection.execute(statement).fetchall()

    return Source("warehouse", "main", run)


def _postgres(request, tmp_path, monkeypatch):
    postgres = request.getfixturevalue("postgres")
    [[schema]] = postgres.execute("select current_schema()").fetchall()

    def run(statement):
        cursor = postgres.execute(statement)
        return cursor.fetchall() if cursor.description else []

    return Source("pg", schema, run)


def _mariadb(request, tmp_path, monkeypatch):
    cursor = request.getfixturevalue("mariadb")
    cursor.execute("select database()")
    [[schema]] = cursor.fetchall()

    def run(statement):
        cursor.execute(statement)
        return cursor.fetchall()

    return Source("maria", schema, run)


def _duckdb(request, tmp_path, monkeypatch):
    path = tmp_path / "warehouse.duckdb"
    monkeypatch.setenv("AIRFLOW_CONN_DUCK", json.dumps({"conn_type": "duckdb", "host": str(path)}))

    def run(statement):
        with duckdb.connect(path) as connection:
            return connection.execute(statement).fetchall()

    return Source("duck", "main", run)


SOURCES = {"sqlite": _sqlite, "pg": _postgres, "maria": _mariadb, "duckdb": _duckdb}
