"""
The table that everybody reads: ten columns, about 286 bytes of JSON an event.

Larger results come from the same 100,000 rows, read again and again by a join: the database has to make them, and
nobody has to store them. Where the database itself has work to do, :func:`store` makes a table of them.
"""

from __future__ import annotations

import csv
import json
import os
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROWS = 100_000
EVENT = "Subscription Changed"
PROPERTIES = ["rowmark", "plan", "country", "city", "mrr", "seats", "is_active", "signup_date"]
COLUMNS = ["user_email", "occurred_at", *PROPERTIES]
#: How often the rows can be read.
COPIES = 1000
HOME = Path(os.environ.get("BENCH_HOME", ".bench")).resolve()
SQLITE = HOME / "facts.db"
DUCKDB = HOME / "facts.duckdb"
#: Where each database may hold the tables of a comparison.
SCHEMAS = {"sqlite": "main", "duckdb": "main", "postgres": "heap_bench", "mariadb": "heap_bench"}

_DDL = (
    "create table facts (user_email {text}, occurred_at {text}, rowmark {text}, plan {text}, country {text}, "
    "city {text}, mrr double precision, seats integer, is_active integer, signup_date {text})"
)


def sql(rows: int) -> str:
    """
    Return the query of so many rows.

    :param rows: up to 100,000, or a multiple of it.
    """
    columns = ", ".join(COLUMNS)
    if rows <= ROWS:
        return f"select {columns} from facts limit {rows}"
    return f"select {columns} from copies cross join facts where copy < {rows // ROWS}"


def event(row: tuple[Any, ...]) -> dict[str, Any]:
    """
    Return the event that the naive contestants make of a row.

    :param row: its columns.
    """
    properties = dict(zip(PROPERTIES, row[2:], strict=True))
    return {"identity": row[0], "event": EVENT, "timestamp": row[1], "properties": properties}


def facts() -> Iterator[tuple[Any, ...]]:
    """Make the rows, the same ones every time."""
    chance, start = random.Random(7), datetime(2026, 1, 1, tzinfo=UTC)
    plans = ["free", "starter", "professional", "enterprise"]
    places = [("US", "New York"), ("DE", "Köln"), ("BR", "São Paulo"), ("JP", "東京"), ("IN", "Pune")]
    for n in range(ROWS):
        country, city = chance.choice(places)
        yield (
            f"user{n % 40_000}@example.com",
            (start + timedelta(seconds=n)).isoformat(),
            f"r{n:07d}",
            chance.choice(plans),
            country,
            city,
            round(chance.uniform(0, 5000), 2),
            chance.randint(1, 500),
            chance.randint(0, 1),
            (start - timedelta(days=chance.randint(0, 2000))).date().isoformat(),
        )


def row_bytes() -> float:
    """Return the mean size of a row of the copies: its values as texts, and its ID."""
    return sum(len("".join(map(str, row)).encode()) for row in facts()) / ROWS + len("r0000000-0")


def make_sqlite() -> None:
    """Make the SQLite database, unless it is there."""
    if SQLITE.exists():
        return
    HOME.mkdir(parents=True, exist_ok=True)
    making = SQLITE.with_suffix(".making")
    making.unlink(missing_ok=True)
    connection = sqlite3.connect(making)
    _fill(connection, "text", "?")
    connection.close()
    making.rename(SQLITE)


def make_duckdb() -> bool:
    """Make the table in DuckDB; return whether it is installed."""
    try:
        import duckdb
    except ImportError as error:
        return _left_out("DuckDB", error)
    DUCKDB.unlink(missing_ok=True)
    with duckdb.connect(str(DUCKDB)) as connection:
        connection.execute(_DDL.format(text="text"))
        connection.execute(f"create table copies as select range as copy from range({COPIES})")
        path = HOME / "facts.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(facts())
        connection.execute(f"copy facts from '{path}' (header false)")
    return True


def make_postgres() -> bool:
    """Make the table in PostgreSQL on this machine; return whether there is one."""
    return _make_on_server("postgres", "PostgreSQL", "text")


def make_mariadb() -> bool:
    """Make the table in MariaDB on this machine; return whether there is one."""
    return _make_on_server("mariadb", "MariaDB", "varchar(50)")


def store(name: str, rows: int) -> None:
    """
    Make the table ``accounts``: each row with an ID of its own.

    :param name: the database; its table of facts is there.
    :param rows: a multiple of the rows of that table.
    """
    joined = "concat(rowmark, '-', copy)" if name == "mariadb" else "rowmark || '-' || copy"
    query = f"select {joined} as id, {', '.join(COLUMNS)} from copies cross join facts where copy < {rows // ROWS}"
    with closing(_connect(name)) as connection:
        cursor = connection.cursor()
        for statement in ("drop table if exists accounts", f"create table accounts as {query}"):
            cursor.execute(statement)
        connection.commit()


def connections(heap_url: str) -> dict[str, str]:
    """
    Return the environment variables of the Airflow connections.

    :param heap_url: the sink's.
    """
    found = {
        "heap_default": {"conn_type": "heap", "login": "123456789", "host": heap_url},
        "sqlite": {"conn_type": "sqlite", "host": str(SQLITE)},
        "duckdb": {"conn_type": "duckdb", "host": str(DUCKDB)},
        "state": {"conn_type": "sqlite", "host": str(HOME / "state.db")},
        "postgres": {
            "conn_type": "postgres",
            "host": "127.0.0.1",
            "login": "postgres",
            "schema": "postgres",
            "extra": {"options": "-c search_path=heap_bench"},
        },
        "mariadb": {"conn_type": "mysql", "host": "127.0.0.1", "login": "root", "schema": "heap_bench"},
    }
    return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in found.items()}


def _make_on_server(name: str, label: str, text: str) -> bool:
    try:
        connection = _connect(name)
    except Exception as error:
        return _left_out(label, error)
    with closing(connection):
        _fill(connection, text, "%s")
    return True


def _connect(name: str) -> Any:
    if name == "sqlite":
        return sqlite3.connect(SQLITE)
    if name == "duckdb":
        import duckdb

        return duckdb.connect(str(DUCKDB))
    if name == "postgres":
        import psycopg

        connection = psycopg.connect("postgresql://postgres@127.0.0.1:5432/postgres", connect_timeout=3)
        connection.execute("create schema if not exists heap_bench")
        connection.execute("set search_path to heap_bench")
        return connection
    import MySQLdb

    connection = MySQLdb.connect(host="127.0.0.1", user="root", charset="utf8mb4", connect_timeout=3)
    cursor = connection.cursor()
    cursor.execute("create database if not exists heap_bench character set utf8mb4")
    cursor.execute("use heap_bench")
    return connection


def _fill(connection: Any, text: str, placeholder: str) -> None:
    cursor = connection.cursor()
    for table in ("facts", "copies"):
        cursor.execute(f"drop table if exists {table}")
    cursor.execute(_DDL.format(text=text))
    cursor.execute("create table copies (copy integer)")
    cursor.executemany(f"insert into copies values ({placeholder})", [(n,) for n in range(COPIES)])
    cursor.executemany(f"insert into facts values ({', '.join([placeholder] * len(COLUMNS))})", list(facts()))
    connection.commit()


def _left_out(database: str, error: Exception) -> bool:
    print(f"{database} is left out: {' '.join(str(error).split())[:100]}")
    return False
