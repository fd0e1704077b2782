"""The databases that keep the state, and what can be done to them."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

#: Names the schema in which rows are compared; only the process that starts syncs knows the variable.
DIFF_SCHEMA = "HEAP_CHAOS_DIFF_SCHEMA"
#: The tables of the state.
TABLES = ("heap_sync_state", "heap_sync_state_syncs", "heap_sync_state_holders")


class AbsentError(Exception):
    """The database does not run on this machine, or its client is not installed."""


class Database:
    """
    A database for one session.

    :param folder: the session's.
    :param name: a name that no other session has.
    """

    #: The name of the kind.
    kind: str
    #: The schema in which it compares rows, that it then holds too; None where the worker compares them.
    diff_schema: str | None = None

    def __init__(self, folder: Path, name: str) -> None:
        raise NotImplementedError

    @property
    def connection(self) -> dict[str, Any]:
        """The Airflow connection, as its JSON has it."""
        raise NotImplementedError

    def end_sessions(self) -> None:
        """End all sessions of the syncs, as a restart of the database does."""

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """
        Lock a table of the state, if it is there, so that the syncs have to wait.

        :param table: its name.
        """
        raise NotImplementedError

    def is_locked(self) -> bool:
        """Return whether a process that stands still keeps everybody else out, for as long as it stands still."""
        return False

    def write(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """
        Put rows in the place of those of a source's table, if it holds them.

        :param table: its name.
        :param rows: number, key, plan, seats, note, and whether it is present.
        """

    def close(self) -> None:
        """Remove it."""


class Sqlite(Database):
    """A file. It has no sessions that could be ended."""

    kind = "sqlite"

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / f"{name}.db"

    @property
    def connection(self) -> dict[str, Any]:
        """The Airflow connection, as its JSON has it."""
        return {"conn_type": "sqlite", "host": str(self._path)}

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Lock the file, so that the syncs have to wait."""
        with closing(sqlite3.connect(self._path, timeout=60, isolation_level=None)) as connection:
            connection.execute("begin exclusive")
            try:
                yield
            finally:
                connection.execute("rollback")

    def is_locked(self) -> bool:
        """Return whether a process that stands still keeps everybody else out, for as long as it stands still."""
        with closing(sqlite3.connect(self._path, timeout=0, isolation_level=None)) as connection:
            try:
                connection.execute("begin immediate")
            except sqlite3.OperationalError:
                return True
            connection.execute("rollback")
            return False


class Postgres(Database):
    """A schema. The syncs have an ``application_name`` of their own, so that only their sessions are ended."""

    kind = "postgres"

    def __init__(self, folder: Path, name: str) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise AbsentError("no psycopg") from error
        url = os.environ.get("HEAP_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
        try:
            self._admin = psycopg.connect(url, autocommit=True, connect_timeout=30)
        except psycopg.OperationalError as error:
            raise AbsentError("no PostgreSQL at 127.0.0.1:5432 (HEAP_TEST_POSTGRES names another)") from error
        self._name, self._url = name, url
        self._admin.execute(f"drop schema if exists {name} cascade")
        self._admin.execute(f"create schema {name}")

    @property
    def connection(self) -> dict[str, Any]:
        """The Airflow connection, as its JSON has it."""
        info = self._admin.info
        return {
            "conn_type": "postgres",
            "host": info.host,
            "port": info.port,
            "login": info.user,
            "password": info.password or "",
            "schema": info.dbname,
            "extra": {"options": f"-c search_path={self._name}", "application_name": self._name},
        }

    def end_sessions(self) -> None:
        """End all sessions of the syncs, as a restart of the database does."""
        self._admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s", [self._name]
        )

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Lock a table, so that the syncs have to wait."""
        import psycopg

        with psycopg.connect(self._url) as connection:
            connection.execute(f"set search_path to {self._name}")
            if connection.execute("select to_regclass(%s)", [f"{self._name}.{table}"]).fetchone()[0]:
                connection.execute(f"lock table {table} in access exclusive mode")
            yield
            connection.rollback()

    def close(self) -> None:
        """Remove it."""
        self.end_sessions()
        self._admin.execute(f"drop schema {self._name} cascade")
        self._admin.close()


class DiffPostgres(Postgres):
    """A schema that has the rows too, and compares them."""

    kind = "diff"

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(folder, name)
        self.diff_schema = name

    def write(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Put rows in the place of those of a source's table."""
        with self._admin.transaction(), self._admin.cursor() as cursor:
            cursor.execute(
                f"create table if not exists {self._name}.{table} (n integer, key text, plan text, seats integer, "
                "note text, present boolean)"
            )
            cursor.execute(f"delete from {self._name}.{table}")
            with cursor.copy(f"copy {self._name}.{table} from stdin") as copy:
                for row in rows:
                    copy.write_row(row)


class MariaDb(Database):
    """A database of its own on the server, so that only its sessions are ended."""

    kind = "mariadb"

    def __init__(self, folder: Path, name: str) -> None:
        try:
            import MySQLdb
        except ImportError as error:
            raise AbsentError("no MySQL client (pip install 'airflow-provider-heap[mysql]')") from error
        host, user, password = os.environ.get("HEAP_TEST_MYSQL", "127.0.0.1,root,").split(",")
        self._login = {"host": host, "user": user, "password": password, "autocommit": True, "connect_timeout": 30}
        try:
            self._admin = MySQLdb.connect(**self._login)
        except MySQLdb.OperationalError as error:
            raise AbsentError(
                "no MariaDB at 127.0.0.1:3306 (HEAP_TEST_MYSQL='host,user,password' names another)"
            ) from error
        self._name = name
        self._execute(f"drop database if exists {name}")
        self._execute(f"create database {name}")

    @property
    def connection(self) -> dict[str, Any]:
        """The Airflow connection, as its JSON has it."""
        login = self._login
        return {
            "conn_type": "mysql",
            "host": login["host"],
            "port": 3306,
            "login": login["user"],
            "password": login["password"],
            "schema": self._name,
        }

    def end_sessions(self) -> None:
        """End all sessions of the syncs, as a restart of the database does."""
        import MySQLdb

        for (number,) in self._execute("select id from information_schema.processlist where db = %s", [self._name]):
            try:
                self._execute(f"kill {number}")
            except MySQLdb.OperationalError:
                pass  # it has just ended by itself

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Lock a table, so that the syncs have to wait."""
        import MySQLdb

        with closing(MySQLdb.connect(**self._login)) as connection:
            cursor = connection.cursor()
            if cursor.execute(f"show tables in {self._name} like %s", [table]):
                cursor.execute(f"lock tables {self._name}.{table} write")
            yield

    def close(self) -> None:
        """Remove it."""
        self._execute(f"drop database {self._name}")
        self._admin.close()

    def _execute(self, statement: str, parameters: list[Any] | None = None) -> list[Any]:
        cursor = self._admin.cursor()
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


KINDS: dict[str, type[Database]] = {database.kind: database for database in (Sqlite, Postgres, MariaDb, DiffPostgres)}


def environment(warehouse: Path, heap_url: str, timeout: float, state: Database) -> dict[str, str]:
    """
    Return the Airflow connections of a session, as environment variables.

    :param warehouse: the source's database.
    :param heap_url: base URL of the sandbox.
    :param timeout: seconds that a request may take.
    :param state: keeps the state.
    """
    connections = {
        "WAREHOUSE": state.connection if state.diff_schema else {"conn_type": "sqlite", "host": str(warehouse)},
        "HEAP_DEFAULT": {
            "conn_type": "heap",
            "login": "2388822444",
            "host": heap_url,
            "extra": {"timeout": timeout},
        },
        "STATE": state.connection,
    }
    variables = {f"AIRFLOW_CONN_{name}": json.dumps(connection) for name, connection in connections.items()}
    return {**variables, DIFF_SCHEMA: state.diff_schema or ""}
