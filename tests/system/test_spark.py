"""Spark's Thrift server through the real ``HiveServer2Hook`` and PyHive."""

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
from tests.system import emulators

pytestmark = pytest.mark.slow

PEOPLE = """\
select 'a@example.com' as email, array('x', 'y') as xs, array(1, 2) as ints, map('k', 1) as m, map(1, 'x') as by_number,
  named_struct('plan', 'pro', 'deep', named_struct('a', 1, 'since', timestamp'2026-01-02 03:04:05')) as st,
  named_struct('path', 'C:\\\\new') as path, cast(99.90 as decimal(12, 2)) as ltv,
  cast('12345678901234567890.12' as decimal(22, 2)) as big, cast(1.5 as double) as f, double('nan') as nan, true as ok,
  date'2026-01-02' as d, timestamp'2026-01-02 03:04:05.123456' as ts, cast(5 as bigint) as n,
  cast(null as string) as nul, '{"a":1}' as note, cast(null as binary) as photo
"""
PROPERTIES = {
    "big": "12345678901234567890.12",
    "by_number.1": "x",
    "d": "2026-01-02",
    "f": 1.5,
    "ints": "1||2",
    "ltv": 99.9,
    "m.k": 1,
    "n": 5,
    "note": '{"a":1}',
    "ok": "true",
    "path.path": "C:\\new",
    "st.deep.a": 1,
    "st.deep.since": "2026-01-02T03:04:05+01:00",
    "st.plan": "pro",
    "ts": "2026-01-02T03:04:05.123456+01:00",
    "xs": "x||y",
}


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """A server's port."""
    pytest.importorskip("pyhive")
    with emulators.spark(tmp_path_factory.mktemp("spark")) as port:
        yield port


@pytest.fixture
def spark(port, monkeypatch):
    """The connection ``spark`` to the server, with a view ``people``; its hook."""
    connection = {"conn_type": "hiveserver2", "host": "127.0.0.1", "port": port, "login": "u", "schema": "default"}
    monkeypatch.setenv("AIRFLOW_CONN_SPARK", json.dumps(connection))
    hook = BaseHook.get_connection("spark").get_hook()
    hook.run(f"create or replace view people as {PEOPLE}")
    return hook


def users(model="select * from people", **kwargs):
    return HeapUserSyncOperator(task_id="users", model=model, sql_conn_id="spark", identity="email", **kwargs)


def test_every_type_arrives_as_what_it_is(spark, run, heap_sandbox):
    assert run(users(timezone="Europe/Berlin"))["sent"] == 1
    assert heap_sandbox.users["a@example.com"] == PROPERTIES


def test_nested_json_is_one_compact_text(spark, run, heap_sandbox):
    run(users("select email, xs, m, st, by_number from people", nested="json"))
    assert heap_sandbox.users["a@example.com"] == {
        "by_number": '{"1":"x"}',
        "m": '{"k":1}',
        "st": '{"plan":"pro","deep":{"a":1,"since":"2026-01-02T03:04:05+00:00"}}',
        "xs": '["x","y"]',
    }


def test_what_spark_prints_ambiguously_is_not_guessed(spark, run, heap_sandbox):
    values = "('a', array(cast('abc' as binary))), ('b', array(cast('x' as binary))), ('c', array())"
    report = run(users(f"select * from values {values} as t(email, photos)", max_rejected=2))
    assert report["reasons"] == {"unreadable_value": 2}
    assert heap_sandbox.users == {"c": {"photos": ""}}


def test_bytes_have_no_json_form(spark, run, heap_sandbox):
    report = run(users("select 'a' as email, cast('abc' as binary) as photo", max_rejected=1))
    assert report["reasons"] == {"no_json_form": 1}


def test_accounts_and_events(spark, run, heap_sandbox):
    common = {"task_id": "sync", "sql_conn_id": "spark", "model": "select * from people"}
    run(HeapAccountSyncOperator(account_id="email", properties=["ltv"], **common))
    run(HeapEventSyncOperator(insert_id="n", identity="email", event="Signed Up", timestamp="ts", **common))
    assert heap_sandbox.accounts == {"a@example.com": {"ltv": 99.9}}
    assert [event["timestamp"] for event in heap_sandbox.events] == ["2026-01-02T03:04:05.123456+00:00"]


@pytest.mark.parametrize(("form", "parameters"), [("%(n)s", {"n": 5}), ("%s", [5])])
def test_parameters_are_bound(spark, run, heap_sandbox, form, parameters):
    model = f"select email from people where n = {form} and email like '%%@example.com'"
    assert run(users(model, parameters=parameters))["sent"] == 1


def test_parameters_that_do_not_fit_get_the_form_of_the_driver(spark, run, heap_sandbox):
    with pytest.raises(ModelError, match=r"for PyHive, write `%\(name\)s` with a dict or `%s` with a list"):
        run(users("select email from people where n = %(n)s", parameters=[5]))


@pytest.mark.parametrize("sql", ["create table written (a int)", "-- first\ninsert into people values (1)"])
def test_a_statement_that_would_write_does_not(spark, run, heap_sandbox, sql):
    with pytest.raises(ModelError, match="would write"):
        run(users(sql))
    assert "written" not in str(spark.get_records("show tables"))


def test_errors_are_what_the_server_says_without_its_trace(spark, run, heap_sandbox):
    with pytest.raises(ModelError, match=r"(?s)finds a syntax error in the model\..*Syntax error at or near") as raised:
        run(users("select email from people order people"))
    assert "HiveThriftServerErrors" not in str(raised.value)
    with pytest.raises(Exception, match=r"column .* with name `mail` cannot be resolved") as raised:
        run(users("select mail from people"))
    assert "HiveThriftServerErrors" not in str(raised.value)


def test_an_expression_without_an_alias_is_refused(spark, run, heap_sandbox):
    with pytest.raises(ModelError, match="alias"):
        run(users("select email, n + 1 from people"))


def test_check_and_preview_show_the_types(spark, dag_file, heap, heap_sandbox, capsys):  # noqa: F811
    dag_file("""
with DAG(dag_id="people", schedule=None):
    common = dict(sql_conn_id="spark", model="select * from people", identity="email")
    columns = ["xs", "m", "st", "ltv", "ts"]
    HeapUserSyncOperator(task_id="users", properties=columns, **common)
    HeapUserSyncOperator(task_id="bytes", properties=["photo"], **common)
    HeapUserSyncOperator(task_id="key", properties=columns, **(common | {"identity": "st"}))
    event = dict(common, insert_id="n", event="Signed Up", properties=columns)
    HeapEventSyncOperator(task_id="number", timestamp="n", **event)
""")
    [found] = json.loads(heap("check", "people", "users", "--output", "json"))
    types = {column["name"]: column["type"] for column in found["columns"]}
    assert [types[name] for name in ("xs", "m", "st", "ltv", "ts")] == [
        "ARRAY",
        "MAP",
        "STRUCT",
        "DECIMAL",
        "TIMESTAMP",
    ]
    assert found["problems"] == []
    preview = json.loads(heap("preview", "people", "users", "--output", "json"))
    assert {row["property"]: row["types"] for row in preview["mapping"]}["st"] == ["STRUCT"]
    for task, problem in [("bytes", "no JSON form"), ("key", "can't be the identity"), ("number", "to_timestamp")]:
        with pytest.raises(SystemExit):
            heap("check", "people", task)
        assert problem in capsys.readouterr().out
    assert heap_sandbox.requests == []


def test_state_elsewhere_sends_only_what_changed(spark, warehouse, run, heap_sandbox):
    operator = users("select email, n, st from people", state_conn_id="warehouse")
    assert run(operator)["sent"] == 1
    assert run(operator)["unchanged"] == 1


def test_spark_compares_rows_itself(spark, warehouse, run, heap_sandbox):
    """In a run of everything; ``make test-warehouses`` tries the rest."""
    for seats, sent in [(1, 2), (1, 0), (2, 1)]:
        model = f"select email, {seats} as seats, xs, st from people union all select 'b', 7, array(), null"
        report = run(users(model, state_conn_id="warehouse", diff_schema="default"))
        assert (report["sent"], report["unchanged"]) == (sent, 2 - sent)
    assert heap_sandbox.users["a@example.com"]["seats"] == 2


def test_state_in_spark_is_refused(spark, run, heap_sandbox):
    with pytest.raises(ModelError, match="can't hold the state"):
        run(users("select email from people", state_conn_id="spark"))


def test_memory_stays_flat(spark):
    peaks = []
    for count in (20_000, 200_000):
        source = ReadContext(BaseHook.get_connection("spark").get_hook)
        with SqlModel(f"select id as email, repeat('x', 200) as x from range({count})").open(source) as rows:
            assert sum(map(len, rows.chunks)) == count
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert peaks[1] - peaks[0] < 60_000
