"""
Spark and ClickHouse as databases that compare rows, for the tests that all databases have in common.

Those tests change their tables with UPDATE and DELETE, which Spark's tables don't have and ClickHouse writes in another
way.
"""

from __future__ import annotations

import json
import re
from contextlib import closing
from urllib.request import Request, urlopen

from tests.integration.sources import Source

_UPDATE = re.compile(r"update (\S+) set (\S+) = (.*?)(?: where (.*))?")
_DELETE = re.compile(r"delete from (\S+)(?: where (.*))?")


class SparkSource(Source):
    """
    Spark's Thrift server.

    :param port: the server's.
    :param schema: where tables may be made.
    """

    def __init__(self, port, schema):
        super().__init__("spark", schema, self.run)
        self.port = port
        self.connection = {
            "conn_type": "hiveserver2",
            "host": "127.0.0.1",
            "port": port,
            "login": "u",
            "schema": schema,
        }

    def run(self, statement):
        """Run a statement; UPDATE and DELETE write the table anew."""
        from pyhive import hive

        with closing(hive.connect("127.0.0.1", self.port, username="u", database=self.schema)) as connection:
            cursor = connection.cursor()
            for one in self._statements(cursor, statement):
                cursor.execute(one)
            return cursor.fetchall() if statement.startswith(("select", "show")) else []

    def _statements(self, cursor, statement):
        update, delete = _UPDATE.fullmatch(statement), _DELETE.fullmatch(statement)
        if not update and not delete:
            return [statement.replace('"', "`")]
        if update:
            table, column, value, where = update.groups()
            cursor.execute(f"describe {table}")
            names = [f"`{name}`" for name, *_ in cursor.fetchall()]
            column = f"`{column.strip(chr(96))}`"
            changed = f"case when {where or 'true'} then {value} else {column} end"
            rows = f"select {', '.join(changed if name == column else name for name in names)} from {table}"
        else:
            table, where = delete.groups()
            rows = f"select * from {table} where not ({where or 'true'})"
        copy = [f"create table copied using parquet as {rows}", f"insert overwrite {table} select * from copied"]
        return [*copy, "drop table copied"]

    @property
    def tables(self):
        """The names of the tables that syncs made, without the one that the view of what Heap took shows."""
        names = sorted(row[1] for row in self.run("show tables like 'heap_*'"))
        shown = [name for name in names if name.count("_") == 3]
        assert len(shown) <= 1
        return [name for name in names if name not in shown]

    def clear(self):
        """Drop all tables."""
        for view in self.run("show views"):
            self.run(f"drop view {view[1]}")
        for table in self.run("show tables"):
            self.run(f"drop table {table[1]}")


class ClickHouseSource(Source):
    """
    ClickHouse.

    :param port: of its HTTP interface.
    :param schema: the database in which tables may be made.
    """

    def __init__(self, port, schema):
        super().__init__("click", schema, self.run)
        self.port = port
        self.connection = {
            "conn_type": "clickhouse",
            "host": "127.0.0.1",
            "port": port,
            "login": "default",
            "schema": schema,
        }

    def quoted(self, name):
        """Return a name with backticks, in which a backslash escapes."""
        escaped = name.replace("\\", "\\\\").replace("`", "\\`")
        return f"`{escaped}`"

    def run(self, statement):
        """Run a statement; UPDATE and DELETE are mutations."""
        update, delete = _UPDATE.fullmatch(statement), _DELETE.fullmatch(statement)
        if statement.startswith("create table"):
            statement += " engine = MergeTree order by tuple() settings allow_nullable_key = 1"
            statement = re.sub(r"\b(varchar\(\d+\)|integer)", r"Nullable(\1)", statement)
        elif update:
            table, column, value, where = update.groups()
            statement = (
                f"alter table {table} update {column} = {value} where {where or 'true'} settings mutations_sync = 2"
            )
        elif delete and not delete[2]:
            statement = f"truncate table {delete[1]}"
        return [tuple(row) for row in self._request(statement)]

    def _request(self, statement, database=None):
        sql = f"{statement} format JSONCompact" if statement.startswith(("select", "show")) else statement
        url = f"http://127.0.0.1:{self.port}/?database={database or self.schema}"
        with urlopen(Request(url, sql.encode())) as answer:
            text = answer.read()
        return json.loads(text)["data"] if text.strip() else []

    @property
    def tables(self):
        """The names of the tables that syncs made."""
        where = f"database = '{self.schema}' and name like 'heap_%'"
        return sorted(row[0] for row in self.run(f"select name from system.tables where {where}"))

    @property
    def sent(self):
        """The rows of the table of hashes."""
        return [(key, row, int(seconds)) for key, row, seconds in super().sent]

    def clear(self):
        """Drop all tables."""
        self._request(f"drop database if exists {self.schema}", "default")
        self._request(f"create database {self.schema}", "default")
