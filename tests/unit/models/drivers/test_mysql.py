"""BIT, SET and JSON arrive differently through each driver of MySQL and MariaDB, and are the same for all."""

from __future__ import annotations

import importlib
import json
import os

import pytest
from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models import ReadContext
from airflow_provider_heap.models.drivers.mysql import MySqlConnector
from airflow_provider_heap.models.sql import SqlModel

CLIENTS = ["mysqlclient", "mysql-connector-python", "pymysql"]


@pytest.fixture(params=CLIENTS)
def rows_of(request, mariadb, monkeypatch):
    """A way to read a query through each client."""
    connection = json.loads(os.environ["AIRFLOW_CONN_MARIA"])
    module = {"mysqlclient": "MySQLdb", "mysql-connector-python": "mysql.connector"}.get(request.param, request.param)
    importorskip = pytest.importorskip(module)
    client = request.param if request.param != "pymysql" else "mysqlclient"
    monkeypatch.setenv("AIRFLOW_CONN_MARIA", json.dumps({**connection, "extra": {"client": client}}))

    def get_hook():
        hook = BaseHook.get_connection("maria").get_hook()
        if request.param == "pymysql":
            hook.get_conn = lambda: importorskip.connect(
                host=connection["host"],
                user=connection["login"],
                password=connection["password"],
                database=connection["schema"],
            )
            hook.set_autocommit = lambda conn, on: conn.autocommit(on)
        return hook

    def read(sql):
        with SqlModel(sql).open(ReadContext(get_hook, None, 10)) as rows:
            return list(rows.types), [tuple(row) for chunk in rows.chunks for row in chunk]

    return read


def test_bits_are_numbers(mariadb, rows_of):
    mariadb.execute("create table bits (n int, one bit(1), nine bit(9), most bit(64))")
    mariadb.execute(
        "insert into bits values (1, b'1', b'100000001', b'11'), (2, b'0', b'0', b'0'), (3, null, null, null)"
    )
    types, rows = rows_of("select * from bits order by n")
    assert rows == [(1, 1, 257, 3), (2, 0, 0, 0), (3, None, None, None)]
    assert types[1:] == ["bit", "bit", "bit"]


def test_sets_are_lists_in_the_order_of_the_database(mariadb, rows_of):
    mariadb.execute("create table people (n int, roles set('user', 'admin', 'owner'), plan varchar(9), at datetime)")
    mariadb.execute(
        "insert into people values (1, 'owner,user', 'pro', '2026-01-02'), (2, '', '', null), (3, null, null, null)"
    )
    types, rows = rows_of("select n, roles, plan from people order by n")
    assert rows == [(1, ["user", "owner"], "pro"), (2, [], ""), (3, None, None)]
    assert types[1] == "set"


def test_json_is_decoded_and_texts_that_look_like_it_are_not(mariadb, rows_of):
    mariadb.execute("create table documents (n int, document json, note text, long_note longtext)")
    mariadb.execute("""insert into documents values (1, '{"a": [1, 2]}', '{"a": 1}', '[1]'), (2, '"x"', null, null)""")
    mariadb.execute("insert into documents values (3, null, '', '')")
    _, rows = rows_of("select * from documents order by n")
    assert rows == [(1, {"a": [1, 2]}, '{"a": 1}', "[1]"), (2, "x", None, None), (3, None, "", "")]


def test_bytes_stay_bytes(mariadb, rows_of):
    mariadb.execute("create table files (body longblob)")
    mariadb.execute("""insert into files values ('{"a": 1}')""")
    assert rows_of("select * from files")[1] == [(b'{"a": 1}',)]


def test_the_code_of_json_in_mysql_is_known():
    """MySQL itself is not here; MariaDB has no type of this code."""
    mysql = importlib.import_module("airflow_provider_heap.models.drivers.mysql")
    cursor = type("Cursor", (), {"description": [("a", 245, None, None, None, None, 1)], "description_flags": [144]})()
    driver = mysql.MySqlClient(None, "MySQLdb")
    types = driver.types(cursor)
    [convert] = driver.converters(cursor, types).values()
    assert (types, convert(['{"a": 1}'])) == (["json"], [{"a": 1}])


def test_mysql_connector_has_its_own_way_to_write_a_percent_sign():
    driver = MySqlConnector(None, "mysql")
    assert driver.escape("select 1", {"n": 1})("`100%`") == "`100%(percent)%`"
    assert driver.escape("select 1", [1])("`100%`") == "`100%`"
    assert driver.escape("select 1", None)("`%s`") == "`%s`"
    with pytest.raises(ModelError, match="an alias in the query, or give the parameters as a dict"):
        driver.escape("select 1", [1])("`%s`")
