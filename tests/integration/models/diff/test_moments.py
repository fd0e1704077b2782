"""Of the hour that comes twice when summer time ends, each moment is one of its own."""

from __future__ import annotations

import json
import os

import pytest
from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_heap.operators.heap import HeapUserSyncOperator

#: Clocks go back from 3:00 to 2:00.
AUTUMN = 1792890000
#: In summer time, and an hour later in winter time: both are half past two.
TWICE = (AUTUMN - 1800, AUTUMN + 1800)


@pytest.fixture
def zone(mariadb):
    """The name of a time zone that MariaDB knows from its tables, whose summer ends once."""
    name = f"Heap/{os.getpid()}"
    mariadb.execute("insert into mysql.time_zone (use_leap_seconds) values ('N')")
    made = mariadb.lastrowid
    mariadb.execute(f"insert into mysql.time_zone_name values ('{name}', {made})")
    types = f"({made}, 0, 7200, 1, 'S'), ({made}, 1, 3600, 0, 'W')"
    mariadb.execute(f"insert into mysql.time_zone_transition_type values {types}")
    mariadb.execute(f"insert into mysql.time_zone_transition values ({made}, 0, 0), ({made}, {AUTUMN}, 1)")
    yield name
    for table in ("time_zone", "time_zone_name", "time_zone_transition", "time_zone_transition_type"):
        mariadb.execute(f"delete from mysql.{table} where time_zone_id = {made}")


@pytest.mark.parametrize("client", ["mysqlclient", "mysql-connector-python"])
def test_mysql_sends_a_moment_that_is_written_as_the_one_before(
    heap_sandbox, mariadb, zone, local_state, run, client, monkeypatch
):
    connection = json.loads(os.environ["AIRFLOW_CONN_MARIA"])
    monkeypatch.setenv("AIRFLOW_CONN_MARIA", json.dumps({**connection, "extra": {"client": client}}))
    mariadb.execute("select database()")
    [[schema]] = mariadb.fetchall()
    mariadb.execute("create table users (email varchar(9), at timestamp(3) null, day datetime null)")
    mariadb.execute("set time_zone = '+00:00'")
    mariadb.execute("insert into users values ('a', null, '2026-10-25 02:30:00'), ('b', null, null)")
    operator = HeapUserSyncOperator(
        task_id="sync",
        model="select * from users",
        sql_conn_id="maria",
        identity="email",
        diff_schema=schema,
        hook_params={"init_command": f"set time_zone = '{zone}'"},
        **local_state,
    )
    for at in TWICE:
        mariadb.execute(f"update users set at = from_unixtime({at}.25) where email = 'a'")
        report = run(operator)
        assert report["sent"] == (2 if at == TWICE[0] else 1)
        assert heap_sandbox.users["a"]["at"] == "2026-10-25T02:30:00.250000+00:00"
        assert run(operator)["unchanged"] == 2


def _postgres_in(zone, monkeypatch):
    connection = json.loads(os.environ["AIRFLOW_CONN_PG"])
    options = connection["extra"]["options"].partition(" -c timezone")[0]
    connection["extra"]["options"] = f"{options} -c timezone={zone}"
    monkeypatch.setenv("AIRFLOW_CONN_PG", json.dumps(connection))


def _duckdb_in(zone, monkeypatch):
    hook = type(BaseHook.get_connection("duck").get_hook())
    get_conn = hook.get_conn

    def get_conn_in_zone(self):
        connection = get_conn(self)
        connection.execute(f"set global timezone = '{zone}'")  # a cursor is a session of its own
        return connection

    monkeypatch.setattr(hook, "get_conn", get_conn_in_zone)


@pytest.mark.parametrize(
    ("source", "set_zone"), [("pg", _postgres_in), ("duckdb", _duckdb_in)], indirect=["source"], ids=["pg", "duckdb"]
)
def test_a_moment_counts_with_the_offset_that_its_item_has(
    heap_sandbox, source, set_zone, users, local_state, run, monkeypatch
):
    """In another time zone of the session an item is another text, so it is sent again, as by the worker's way."""
    source.run("create table users (email varchar(9), moment timestamptz)")
    worker = {"sync_name": "worker", "diff_schema": None}
    for zone, at, text in (
        ("UTC", TWICE[0], "2026-10-25T00:30:00+00:00"),
        ("Europe/Berlin", TWICE[0], "2026-10-25T02:30:00+02:00"),
        ("Europe/Berlin", TWICE[1], "2026-10-25T02:30:00+01:00"),
    ):
        with monkeypatch.context() as patch:
            set_zone(zone, patch)
            source.run("delete from users")
            source.run(f"insert into users values ('a', to_timestamp({at}))")
            assert [run(users())["sent"], run(users(**worker))["sent"]] == [1, 1]
            assert heap_sandbox.users["a"] == {"moment": text}
            assert [run(users())["unchanged"], run(users(**worker))["unchanged"]] == [1, 1]
