"""Redshift's driver through the real ``RedshiftSQLHook``; behind it is PostgreSQL, as far as the two are alike."""

from __future__ import annotations

import json
import resource

import pytest
from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models import ReadContext
from airflow_provider_heap.models.sql import SqlModel
from airflow_provider_heap.operators.heap import (
    HeapAccountSyncOperator,
    HeapEventSyncOperator,
    HeapUserSyncOperator,
)
from tests.integration.cli.conftest import dag_file, heap  # noqa: F401
from tests.system.redshift_proxy import redshift as proxy

pytestmark = pytest.mark.slow

PEOPLE = """\
create table people as select 'a@example.com'::varchar as email, 5::bigint as n, 99.90::numeric(12, 2) as ltv,
  1.5::float8 as f, true as ok, timestamp '2026-01-02 03:04:05' as at, timestamptz '2026-01-02 03:04:05+02' as there,
  date '2026-01-02' as d, '{"a":1}'::varchar as note, null::varchar as nul
"""


@pytest.fixture
def redshift(postgres, monkeypatch):
    """The connection ``red`` to a proxy before PostgreSQL, with a table ``people``."""
    pytest.importorskip("redshift_connector")
    postgres.execute(PEOPLE)
    [[schema]] = postgres.execute("select current_schema()").fetchall()
    with proxy(postgres.info.host, postgres.info.port) as port:
        connection = {
            "conn_type": "redshift",
            "host": "127.0.0.1",
            "port": port,
            "login": postgres.info.user,
            "password": "a password",
            "schema": postgres.info.dbname,
            "extra": {"ssl": False},
        }
        monkeypatch.setenv("AIRFLOW_CONN_RED", json.dumps(connection))
        yield schema


def users(schema, columns="*", **kwargs):
    return HeapUserSyncOperator(
        task_id="users", model=f"select {columns} from {schema}.people", sql_conn_id="red", identity="email", **kwargs
    )


def test_every_type_arrives_as_what_it_is(redshift, run, heap_sandbox):
    assert run(users(redshift, timezone="Europe/Berlin"))["sent"] == 1
    assert heap_sandbox.users["a@example.com"] == {
        "at": "2026-01-02T03:04:05+01:00",
        "d": "2026-01-02",
        "f": 1.5,
        "ltv": 99.9,
        "n": 5,
        "note": '{"a":1}',
        "ok": "true",
        "there": "2026-01-02T01:04:05+00:00",
    }


def test_accounts_and_events(redshift, run, heap_sandbox):
    common = {
        "task_id": "sync",
        "sql_conn_id": "red",
        "model": f"select * from {redshift}.people",
        "properties": ["ltv"],
    }
    run(HeapAccountSyncOperator(account_id="email", **common))
    run(HeapEventSyncOperator(insert_id="n", identity="email", event="Signed Up", timestamp="at", **common))
    assert heap_sandbox.accounts == {"a@example.com": {"ltv": 99.9}}
    assert [event["timestamp"] for event in heap_sandbox.events] == ["2026-01-02T03:04:05+00:00"]


def test_parameters_are_bound(redshift, run, heap_sandbox):
    model = f"select email from {redshift}.people where n = %s and email like 'a%%'"
    operator = HeapUserSyncOperator(task_id="users", model=model, sql_conn_id="red", identity="email", parameters=[5])
    assert run(operator)["sent"] == 1


def test_without_parameters_a_percent_sign_is_one(redshift, run, heap_sandbox):
    run(users(redshift, "email, '100%' as share"))
    assert heap_sandbox.users == {"a@example.com": {"share": "100%"}}


def test_bytes_have_no_json_form(redshift, run, heap_sandbox):
    assert run(users(redshift, "email, 'abc'::bytea as photo", max_rejected=1))["reasons"] == {"no_json_form": 1}


def test_errors_are_what_the_database_says(redshift, run, heap_sandbox):
    with pytest.raises(ModelError, match=r'finds a syntax error in the model\..*says: syntax error at or near "from"$'):
        run(users(redshift, "email,"))
    with pytest.raises(ModelError, match=r'names a column .*The database says: column "mail" does not exist$'):
        run(users(redshift, "mail"))
    with pytest.raises(ModelError, match="would write"):
        run(HeapUserSyncOperator(task_id="users", model="delete from people", sql_conn_id="red", identity="email"))


def test_what_has_no_cursor_is_run_as_the_driver_does(redshift, postgres, run, heap_sandbox, caplog):
    model = "show server_version"
    assert (
        run(HeapUserSyncOperator(task_id="users", model=model, sql_conn_id="red", identity="server_version"))["sent"]
        == 1
    )
    assert "whole result" not in caplog.text


def test_rows_are_compared_by_the_users_own_expression(redshift, postgres, warehouse, run, heap_sandbox):
    state = {"state_conn_id": "warehouse", "diff_schema": redshift}
    with pytest.raises(ModelError, match=r"through 'redshift_connector'.*diff_hash='md5\(\{text\}\)'"):
        run(users(redshift, **state))
    for value, sent in [("5", 1), ("5", 0), ("6", 1)]:
        postgres.execute(f"update people set n = {value}")
        assert run(users(redshift, diff_hash="md5({text})", **state))["sent"] == sent
    assert heap_sandbox.users["a@example.com"]["n"] == 6


def test_check_and_preview_show_the_types(redshift, dag_file, heap, heap_sandbox, capsys):  # noqa: F811
    dag_file(f"""
with DAG(dag_id="people", schedule=None):
    common = dict(sql_conn_id="red", model="select * from {redshift}.people", identity="email")
    HeapUserSyncOperator(task_id="users", **common)
    HeapUserSyncOperator(task_id="bytes", **(common | {{"model": "select 'a' as email, 'abc'::bytea as photo"}}))
    HeapEventSyncOperator(task_id="number", timestamp="n", insert_id="n", event="Signed Up", **common)
""")
    [found] = json.loads(heap("check", "people", "users", "--output", "json"))
    types = {column["name"]: column["type"] for column in found["columns"]}
    assert [types[name] for name in ("n", "ltv", "ok", "there")] == ["bigint", "numeric", "boolean", "timestamptz"]
    assert found["problems"] == []
    preview = json.loads(heap("preview", "people", "users", "--output", "json"))
    assert {row["property"]: row["types"] for row in preview["mapping"]}["ltv"] == ["numeric"]
    for task, problem in [("bytes", "no JSON form"), ("number", "to_timestamp")]:
        with pytest.raises(SystemExit):
            heap("check", "people", task)
        assert problem in capsys.readouterr().out


def test_memory_stays_flat(redshift):
    peaks = []
    for count in (20_000, 200_000):
        sql = f"select n::text as email, repeat('x', 200) as x from generate_series(1, {count}) n"
        with SqlModel(sql).open(ReadContext(BaseHook.get_connection("red").get_hook)) as rows:
            assert sum(map(len, rows.chunks)) == count
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert peaks[1] - peaks[0] < 20_000
