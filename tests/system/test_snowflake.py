"""Snowflake through the real ``SnowflakeHook`` and its connector, against an emulator."""

from __future__ import annotations

import json
import os

import pytest
from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.operators.heap import (
    HeapAccountSyncOperator,
    HeapEventSyncOperator,
    HeapUserSyncOperator,
)
from tests.integration.cli.conftest import dag_file, heap  # noqa: F401
from tests.system import emulators

pytestmark = pytest.mark.slow

PEOPLE = """\
create or replace table people (
  email varchar, v variant, o object, a array, n number(38, 0), ltv number(12, 2), f float, ok boolean,
  moment timestamp_ntz, d date, t time, note varchar)
"""
ROW = """\
insert into people select 'a@example.com', parse_json('{"plan":"pro","seats":[1,2]}'), object_construct('k', 1),
  array_construct('x', 'y'), 5, 99.90, 1.5, true, '2026-01-02 03:04:05', '2026-01-02', '10:00:00', '{"a":1}'
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """An emulator: its port and its certificate."""
    pytest.importorskip("snowflake.connector")
    with emulators.snowflake(tmp_path_factory.mktemp("snowflake")) as server:
        yield server


@pytest.fixture
def snowflake(server, monkeypatch):
    """The connection ``snow`` to the emulator, and its hook to prepare tables with."""
    port, certificate = server
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    extra = {"account": "acct", "database": "DB1", "host": "localhost", "port": port, "insecure_mode": True}
    connection = {"conn_type": "snowflake", "login": "u", "password": "p", "schema": "PUBLIC", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SNOW", json.dumps(connection))
    hook = BaseHook.get_connection("snow").get_hook()
    hook.run(PEOPLE)
    hook.run(ROW)
    return hook


@pytest.fixture
def key_pair(snowflake, monkeypatch):
    """The connection ``snow`` with a key instead of a password, and a session that is kept alive."""
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    connection = json.loads(os.environ["AIRFLOW_CONN_SNOW"])
    del connection["password"]
    connection["extra"] |= {
        "private_key_content": pem.decode(),
        "session_parameters": {"CLIENT_SESSION_KEEP_ALIVE": True},
    }
    monkeypatch.setenv("AIRFLOW_CONN_SNOW", json.dumps(connection))
    return key.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption())


def users(model="select * from people", **kwargs):
    return HeapUserSyncOperator(task_id="users", model=model, sql_conn_id="snow", identity="email", **kwargs)


def test_semi_structured_columns_are_flattened_and_texts_are_not(snowflake, run, heap_sandbox):
    run(users("select p.*, v:plan as plan from people p"))
    assert heap_sandbox.users["a@example.com"] == {
        "A": "x||y",
        "MOMENT": "2026-01-02T03:04:05+00:00",
        "D": "2026-01-02",
        "F": 1.5,
        "LTV": 99.9,
        "N": 5,
        "NOTE": '{"a":1}',
        "O.k": 1,
        "OK": "true",
        "PLAN": "pro",
        "T": "10:00:00",
        "V.plan": "pro",
        "V.seats": "1||2",
    }


def test_nested_json_is_one_compact_text(snowflake, run, heap_sandbox):
    run(users("select email, v, o, a from people", nested="json", properties=["v", "o", "a"]))
    assert heap_sandbox.users["a@example.com"] == {
        "a": '["x","y"]',
        "o": '{"k":1}',
        "v": '{"plan":"pro","seats":[1,2]}',
    }


def test_accounts_and_events(snowflake, run, heap_sandbox):
    common = {"task_id": "sync", "sql_conn_id": "snow", "model": "select * from people"}
    run(HeapAccountSyncOperator(account_id="email", properties=["ltv"], **common))
    run(HeapEventSyncOperator(insert_id="n", identity="email", event="Signed Up", timestamp="moment", **common))
    assert heap_sandbox.accounts == {"a@example.com": {"ltv": 99.9}}
    assert [event["timestamp"] for event in heap_sandbox.events] == ["2026-01-02T03:04:05+00:00"]


@pytest.mark.parametrize(("form", "parameters"), [("%(n)s", {"n": 5}), ("%s", [5])])
def test_parameters_are_bound(snowflake, run, heap_sandbox, form, parameters):
    assert run(users(f"select email from people where n = {form}", parameters=parameters))["sent"] == 1


@pytest.mark.parametrize("parameters", [[5], {"other": 5}])
def test_parameters_that_do_not_fit_get_the_form_of_the_driver(snowflake, run, heap_sandbox, parameters):
    with pytest.raises(ModelError, match=r"for Snowflake, write `%\(name\)s` with a dict or `%s` with a list"):
        run(users("select email from people where n = %(n)s", parameters=parameters))


@pytest.mark.parametrize(
    "sql", ["update people set n = 0", "// first\ndelete from people", "select 1; drop table people"]
)
def test_a_statement_that_would_write_does_not(snowflake, run, heap_sandbox, sql):
    with pytest.raises(ModelError, match=r"would write|several statements"):
        run(users(sql))
    assert snowflake.get_first("select n from people")[0] == 5


def test_a_syntax_error_is_called_that(snowflake, run, heap_sandbox):
    with pytest.raises(ModelError, match="finds a syntax error"):
        run(users("select email from people where"))


def test_check_and_preview_show_the_types(snowflake, dag_file, heap, heap_sandbox, capsys):  # noqa: F811
    dag_file("""
with DAG(dag_id="people", schedule=None):
    common = dict(sql_conn_id="snow", model="select * from people", identity="email")
    HeapUserSyncOperator(task_id="users", **common)
    HeapUserSyncOperator(task_id="key", **(common | {"identity": "v"}))
    HeapUserSyncOperator(task_id="bytes", **(common | {"model": "select 'a' as email, x'ff'::binary as photo"}))
    HeapEventSyncOperator(task_id="number", insert_id="email", event="Signed Up", timestamp="n", **common)
""")
    [found] = json.loads(heap("check", "people", "users", "--output", "json"))
    types = {column["name"]: column["type"] for column in found["columns"]}
    # The emulator has VARIANT for OBJECT and ARRAY too.
    assert (types["EMAIL"], types["V"], types["N"], types["MOMENT"]) == ("TEXT", "VARIANT", "FIXED", "TIMESTAMP_NTZ")
    assert (found["problems"], found["notes"]) == ([], [])
    preview = json.loads(heap("preview", "people", "users", "--output", "json"))
    assert {row["property"]: row["types"] for row in preview["mapping"]}["V"] == ["VARIANT"]
    for task, problem in [("key", "can't be the identity"), ("bytes", "no JSON form"), ("number", "to_timestamp")]:
        with pytest.raises(SystemExit):
            heap("check", "people", task)
        assert problem in capsys.readouterr().out
    assert heap_sandbox.requests == []


def test_state_in_snowflake_sends_only_what_changed(snowflake, run, heap_sandbox):
    pytest.importorskip("snowflake.sqlalchemy")
    operator = users("select email, n from people", state_conn_id="snow", state_table="heap_state")
    assert run(operator)["sent"] == 1
    assert run(operator)["unchanged"] == 1
    snowflake.run("update people set n = 6")
    assert run(operator)["sent"] == 1


def test_openlineage_knows_the_tables(snowflake, run, ti, heap_sandbox, monkeypatch):
    pytest.importorskip("airflow.providers.openlineage")
    emulators.collect_lineage(monkeypatch)
    operator = users()
    run(operator)
    lineage = operator.get_openlineage_facets_on_complete(ti)
    assert [table.name for table in lineage.inputs] == ["DB1.PUBLIC.PEOPLE"]
    assert "sql" in lineage.job_facets


def test_keys_and_session_parameters_reach_the_connector(key_pair, run, heap_sandbox, monkeypatch):
    """The emulator does not look at the key; that a token is made of it is the connector's own code."""
    import snowflake.connector
    from snowflake.connector.auth import AuthByKeyPair

    connections, connect = [], snowflake.connector.connect
    monkeypatch.setattr(
        snowflake.connector,
        "connect",
        lambda **kwargs: connections.append((kwargs, connect(**kwargs))) or connections[-1][1],
    )
    tokens, prepare = [], AuthByKeyPair.prepare
    monkeypatch.setattr(
        AuthByKeyPair, "prepare", lambda self, **kwargs: tokens.append(prepare(self, **kwargs)) or tokens[-1]
    )
    assert run(users("select email from people", state_conn_id="snow", state_table="key_state"))["sent"] == 1
    assert tokens
    assert len(connections) > 1  # of the rows and of the state
    for arguments, connection in connections:
        assert arguments["private_key"] == key_pair
        assert "password" not in arguments
        assert arguments["session_parameters"]["CLIENT_SESSION_KEEP_ALIVE"] is True
        assert connection.client_session_keep_alive
    assert connection.heartbeat_thread is None  # ended with the last row


def test_many_rows_arrive(snowflake, run, heap_sandbox):
    """The emulator answers in one piece, so nothing can be said of memory."""
    rows = "select seq4()::varchar as email, 'x' as x from table(generator(rowcount => 200000))"
    snowflake.run(f"create or replace table big as {rows}")
    report = run(users("select * from big", concurrency=8))
    assert report["read"] == report["sent"] == 200_000
