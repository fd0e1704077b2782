"""
What stands in a model, in its parameters and in the names of its columns does not mix with the SQL around the model.

Drivers that put parameters into the text of a statement take ``%`` for the beginning of one wherever it is.
"""

from __future__ import annotations

import json
import os

import pytest

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.operators.heap import HeapUserSyncOperator

#: Names that one database or another, or its client, could take for something else.
NAMES = [
    "100%", "%s", "%%", "%(least)s", "% d", "?", ":least", "$1", "$least", "{}", "{least}", "{least:Int64}", "@least",
    "count(x)", "The Plan", "select", "ü-1", "it's", 'a"b', "a`b", "a\\b", "--", "/*", ";", "#", "]", "x" * 60,
]  # fmt: skip
#: BigQuery allows these alone.
NAMES_OF_BIGQUERY = ["100%", "%s", "%%", "% d", ":least", "The Plan", "select", "ü-1", "it's", "#"]
#: By connection: how a parameter is written in a list and in a dict; other drivers use percent signs.
FORMS = {"warehouse": ("?", ":least"), "duck": ("?", "$least")}
PERCENT = ("%s", "%(least)s")


def names_of(source, parameters):
    if source.conn_id == "click" and isinstance(parameters, dict):
        return [name for name in NAMES if name != "{least:Int64}"]  # which its client takes for a parameter in a model
    if source.conn_id == "snow":
        return [name for name in NAMES if "$" not in name]  # of which the emulator makes variables, also in quotes
    return NAMES_OF_BIGQUERY if source.conn_id == "bq" else NAMES


def model_of(source, names, parameters):
    """Return a query with a column of each name; it has a text with a percent sign, and parameters if there are any."""
    forms = FORMS.get(source.conn_id, PERCENT)
    percent = "%%" if parameters and forms is PERCENT else "%"
    columns = [f"n + {number} as {source.quoted(name)}" for number, name in enumerate(names)]
    before = f"select email, {', '.join(columns)} from users where email like '%@example.com' and n > "
    return before.replace("%", percent) + ("0" if parameters is None else forms[isinstance(parameters, dict)])


@pytest.mark.parametrize("parameters", [None, [0], {"least": 0}], ids=["none", "list", "dict"])
def test_columns_of_any_name_are_compared(heap_sandbox, source, users, run, parameters):
    source.run("create table users (email varchar(50), n integer)")
    source.run("insert into users values ('a@example.com', 1), ('b@example.com', 2), ('c', 3), ('d@example.com', -1)")
    names = names_of(source, parameters)
    given = {
        "properties": names,
        "parameters": parameters,
        "max_null": {"count(x)" if "count(x)" in names else "#": 0.5},
    }
    operator = users(model_of(source, names, parameters), **given)
    assert run(operator)["sent"] == 2
    assert heap_sandbox.users["b@example.com"] == {name: 2 + number for number, name in enumerate(names)}
    assert run(operator)["unchanged"] == 2
    source.run("update users set n = 9 where email = 'b@example.com'")
    assert run(users(operator.model, dry_run=True, **given))["would_send"] == 1
    assert run(operator)["sent"] == 1
    assert heap_sandbox.users["b@example.com"][names[0]] == 9
    assert run(operator)["unchanged"] == 2


@pytest.fixture(params=["mysql-connector-python", "pymysql"])
def client(request, mariadb, monkeypatch):
    """The connection ``maria`` through another client."""
    connection = json.loads(os.environ["AIRFLOW_CONN_MARIA"])
    pytest.importorskip({"mysql-connector-python": "mysql.connector"}.get(request.param, request.param))
    if request.param != "pymysql":
        monkeypatch.setenv("AIRFLOW_CONN_MARIA", json.dumps({**connection, "extra": {"client": request.param}}))
        return request.param
    import pymysql
    from airflow.providers.mysql.hooks.mysql import MySqlHook

    def connect(hook):
        where = {"host": connection["host"], "user": connection["login"], "password": connection["password"]}
        return pymysql.connect(**where, database=connection["schema"])

    monkeypatch.setattr(MySqlHook, "get_conn", connect)
    monkeypatch.setattr(MySqlHook, "set_autocommit", lambda hook, conn, on: conn.autocommit(on))
    return request.param


@pytest.mark.parametrize("parameters", [None, ["a%"], {"least": "a%"}], ids=["none", "list", "dict"])
def test_each_client_of_mysql_has_its_own_way_with_percent_signs(
    heap_sandbox, mariadb, local_state, run, client, parameters
):
    names = ["100%", "%(x)s", "%%", "% d", "%s"]
    mariadb.execute(f"create table users (email varchar(50), {', '.join(f'`{name}` integer' for name in names)})")
    mariadb.execute("insert into users values ('a@example.com', 1, 2, 3, 4, 5)")
    mariadb.execute("select database()")
    [[schema]] = mariadb.fetchall()
    form = "'a%'" if parameters is None else PERCENT[isinstance(parameters, dict)]

    def sync(names):
        given = {"task_id": "sync", "sql_conn_id": "maria", "identity": "email", "diff_schema": schema, **local_state}
        model = f"select * from users where email like {form}"
        return run(HeapUserSyncOperator(model=model, properties=names, parameters=parameters, **given))

    if client == "mysql-connector-python" and isinstance(parameters, list):
        with pytest.raises(ModelError, match="an alias in the query, or give the parameters as a dict"):
            sync(names)
        names = names[:-1]
    for sent in (1, 0):
        assert sync(names)["sent"] == sent
    assert heap_sandbox.users["a@example.com"] == {name: number for number, name in enumerate(names, 1)}
