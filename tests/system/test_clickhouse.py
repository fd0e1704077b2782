"""
ClickHouse through both of its clients.

clickhouse-connect, behind the ``ClickHouseHook`` of Airflow's own provider, reads from today's engine in chdb, and
clickhouse-driver, behind the hook of airflow-clickhouse-plugin, from Debian's server.
"""

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
select 'a@example.com' as email, toFixedString('DE', 4) as country, ['x', 'y'] as xs, [1, 2] as ints, map('k', 1) as m,
  map(1, 'x') as by_number, cast((1, 'x') as Tuple(a UInt8, b String)) as named, (1, 'x') as pair,
  '{"plan":"pro","deep":{"a":1},"seats":[1,2]}'::JSON as j, toDecimal64(99.9, 2) as ltv,
  toDateTime('2026-01-02 03:04:05', 'UTC') as at, toDateTime64('2026-01-02 03:04:05.123456', 6, 'UTC') as at6,
  [toDateTime('2026-01-02 03:04:05', 'UTC')] as ats, toDate('2026-01-02') as d, true as ok,
  toUInt64(18446744073709551615) as big, 5 as n, 1.5 as f, nan as nan, cast(null as Nullable(Int32)) as nul,
  toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0') as uuid, toIPv4('1.2.3.4') as ip, cast('x' as Enum8('x' = 1)) as kind,
  toLowCardinality('pro') as tier, '{"a":1}' as note
"""
PROPERTIES = {
    "at": "2026-01-02T03:04:05+00:00",
    "at6": "2026-01-02T03:04:05.123456+00:00",
    "ats": "2026-01-02T03:04:05+00:00",
    "big": "18446744073709551615",
    "by_number.1": "x",
    "country": "DE",
    "d": "2026-01-02",
    "f": 1.5,
    "ints": "1||2",
    "ip": "1.2.3.4",
    "j.deep.a": 1,
    "j.plan": "pro",
    "j.seats": "1||2",
    "kind": "x",
    "ltv": 99.9,
    "m.k": 1,
    "n": 5,
    "named.a": 1,
    "named.b": "x",
    "note": '{"a":1}',
    "ok": "true",
    "pair": "1||x",
    "tier": "pro",
    "uuid": "61f0c404-5cb3-11e7-907b-a6006ad3dba0",
    "xs": "x||y",
}


@pytest.fixture(scope="module")
def http_port(tmp_path_factory):
    """The port of ClickHouse's engine."""
    pytest.importorskip("clickhouse_connect")
    with emulators.clickhouse_http(tmp_path_factory.mktemp("clickhouse")) as port:
        yield port


@pytest.fixture
def clickhouse(http_port, monkeypatch):
    """The connection ``click`` to the engine, with a view ``people``; its hook."""
    connection = {"conn_type": "clickhouse", "host": "127.0.0.1", "port": http_port, "login": "default"}
    monkeypatch.setenv("AIRFLOW_CONN_CLICK", json.dumps(connection))
    hook = BaseHook.get_connection("click").get_hook()
    hook.run(f"create or replace view people as {PEOPLE}")
    return hook


def users(model="select * from people", **kwargs):
    return HeapUserSyncOperator(task_id="users", model=model, sql_conn_id="click", identity="email", **kwargs)


def test_every_type_arrives_as_what_it_is(clickhouse, run, heap_sandbox):
    # A moment has no time zone of its own, so that the operator's does not move it.
    assert run(users(timezone="Asia/Tokyo"))["sent"] == 1
    assert heap_sandbox.users["a@example.com"] == PROPERTIES


def test_nested_json_is_one_compact_text(clickhouse, run, heap_sandbox):
    run(users("select email, xs, m, by_number, named, j, ats from people", nested="json"))
    assert heap_sandbox.users["a@example.com"] == {
        "ats": '["2026-01-02T03:04:05+00:00"]',
        "by_number": '{"1":"x"}',
        "j": '{"deep":{"a":1},"plan":"pro","seats":[1,2]}',
        "m": '{"k":1}',
        "named": '{"a":1,"b":"x"}',
        "xs": '["x","y"]',
    }


def test_a_text_that_is_not_utf8_makes_its_row_invalid(clickhouse, run, heap_sandbox):
    """The client would send the text of its hexadecimal digits."""
    model = "select c1 as email, unhex(c2) as x, [unhex(c2)] as xs from values(('a', '78'), ('b', 'ff'))"
    assert run(users(model, max_rejected=1))["reasons"] == {"unreadable_value": 1}
    assert heap_sandbox.users == {"a": {"x": "x", "xs": "x"}}


def test_accounts_and_events(clickhouse, run, heap_sandbox):
    common = {"task_id": "sync", "sql_conn_id": "click", "model": "select * from people", "properties": ["ltv"]}
    run(HeapAccountSyncOperator(account_id="email", **common))
    run(HeapEventSyncOperator(insert_id="n", identity="email", event="Signed Up", timestamp="at6", **common))
    assert heap_sandbox.accounts == {"a@example.com": {"ltv": 99.9}}
    assert [event["timestamp"] for event in heap_sandbox.events] == ["2026-01-02T03:04:05.123456+00:00"]


@pytest.mark.parametrize(("form", "parameters"), [("%(n)s", {"n": 5}), ("{n:Int32}", {"n": 5}), ("%s", [5])])
def test_parameters_are_bound(clickhouse, run, heap_sandbox, form, parameters):
    assert run(users(f"select email from people where n = {form}", parameters=parameters))["sent"] == 1


@pytest.mark.parametrize(("form", "parameters"), [("%(n)s", [5]), ("?", [5]), ("{n:Int32}", None)])
def test_parameters_that_do_not_fit_get_the_form_of_the_driver(clickhouse, run, heap_sandbox, form, parameters):
    with pytest.raises(ModelError, match=r"for clickhouse-connect, write `%\(name\)s` or `{name:Type}` with a dict"):
        run(users(f"select email from people where n = {form}", parameters=parameters))


def test_without_parameters_a_percent_sign_is_one(clickhouse, run, heap_sandbox):
    run(users("select email, '100%%' as share from people where email like 'a%'"))
    assert heap_sandbox.users == {"a@example.com": {"share": "100%%"}}


@pytest.mark.parametrize("sql", ["create view w as select 1 as a", "insert into people select 1", "optimize table t"])
def test_a_statement_that_would_write_does_not(clickhouse, run, heap_sandbox, sql):
    with pytest.raises(ModelError, match="would write"):
        run(users(sql))


def test_a_syntax_error_is_called_that(clickhouse, run, heap_sandbox):
    with pytest.raises(ModelError, match="finds a syntax error"):
        run(users("select email from people group"))


def test_a_query_of_no_rows_has_columns_and_a_list_of_nothing_has_none(clickhouse, run, heap_sandbox):
    assert run(users("select * from people where n = 6"))["read"] == 0
    with pytest.raises(ModelError, match="returns no rows"):
        run(users("show tables like 'nothing'"))


def test_an_expression_without_an_alias_is_refused(clickhouse, run, heap_sandbox):
    with pytest.raises(ModelError, match="alias"):
        run(users("select email, n + 1 from people"))


def test_check_and_preview_show_the_types(clickhouse, dag_file, heap, heap_sandbox, capsys):  # noqa: F811
    dag_file("""
with DAG(dag_id="people", schedule=None):
    common = dict(sql_conn_id="click", model="select * from people", identity="email")
    HeapUserSyncOperator(task_id="users", **common)
    HeapUserSyncOperator(task_id="key", **(common | {"identity": "named"}))
    HeapEventSyncOperator(task_id="number", timestamp="big", insert_id="n", event="Signed Up", **common)
""")
    [found] = json.loads(heap("check", "people", "users", "--output", "json"))
    types = {column["name"]: column["type"] for column in found["columns"]}
    shown = ["Array(String)", "JSON", "Decimal(18, 2)", "LowCardinality(String)", "Nullable(Int32)"]
    assert [types[name] for name in ("xs", "j", "ltv", "tier", "nul")] == shown
    assert (found["problems"], found["notes"]) == ([], [])
    preview = json.loads(heap("preview", "people", "users", "--output", "json"))
    assert {row["property"]: row["types"] for row in preview["mapping"]}["xs"] == ["Array(String)"]
    for task, problem in [("key", "can't be the identity"), ("number", "to_timestamp")]:
        with pytest.raises(SystemExit):
            heap("check", "people", task)
        assert problem in capsys.readouterr().out
    assert heap_sandbox.requests == []


def test_clickhouse_compares_rows_itself(clickhouse, warehouse, run, heap_sandbox):
    """In a run of everything; ``make test-warehouses`` tries the rest."""
    for seats, sent in [(1, 2), (1, 0), (2, 1)]:
        model = f"select email, {seats} as seats, xs, ats from people union all select 'b', 7, [], []"
        report = run(users(model, state_conn_id="warehouse", diff_schema="default"))
        assert (report["sent"], report["unchanged"]) == (sent, 2 - sent)
    assert heap_sandbox.users["a@example.com"]["seats"] == 2


def test_state_in_clickhouse_is_refused_with_what_to_use(clickhouse, run, heap_sandbox):
    with pytest.raises(ModelError, match=r"ClickHouse can't hold the state.*PostgreSQL, MySQL"):
        run(users("select email from people", state_conn_id="click"))


def test_memory_stays_flat(clickhouse):
    assert_flat(BaseHook.get_connection("click").get_hook, "numbers({count})")


@pytest.fixture(scope="module")
def native_port(tmp_path_factory):
    """The port of Debian's server, whose time zone is Berlin's."""
    pytest.importorskip("clickhouse_driver")
    with emulators.clickhouse_native(tmp_path_factory.mktemp("clickhouse_native")) as port:
        yield port


@pytest.fixture
def native(native_port, monkeypatch):
    """An operator's class that reads through the plugin's hook."""
    from airflow_clickhouse_plugin.hooks.clickhouse_dbapi import ClickHouseDbApiHook

    connection = {"conn_type": "clickhouse", "host": "127.0.0.1", "port": native_port, "login": "default"}
    monkeypatch.setenv("AIRFLOW_CONN_NATIVE", json.dumps(connection))

    class Operator(HeapUserSyncOperator):
        def get_db_hook(self):
            return ClickHouseDbApiHook("native")

    return Operator


def test_the_native_protocol_gives_the_same(native, run, heap_sandbox):
    """The server is of 2018: no MAP, no JSON, no names of fields, no BOOL."""
    model = """\
select 'a@example.com' as email, toFixedString('DE', 4) as country, ['x', 'y'] as xs, [1, 2] as ints, (1, 'x') as pair,
  toDecimal64(99.9, 2) as ltv, toDateTime('2026-01-02 03:04:05') as at, [toDateTime('2026-01-02 03:04:05')] as ats,
  toDateTime('2026-01-02 03:04:05', 'America/New_York') as there, toDate('2026-01-02') as d, nan as nan,
  toUInt64(18446744073709551615) as big, cast(null as Nullable(Int32)) as nul, cast('x' as Enum8('x' = 1)) as kind
"""
    assert run(native(task_id="users", model=model, identity="email", timezone="Asia/Tokyo"))["sent"] == 1
    assert heap_sandbox.users["a@example.com"] == {
        "at": "2026-01-02T03:04:05+01:00",
        "ats": "2026-01-02T03:04:05+01:00",
        "big": "18446744073709551615",
        "country": "DE",
        "d": "2026-01-02",
        "ints": "1||2",
        "kind": "x",
        "ltv": 99.9,
        "pair": "1||x",
        "there": "2026-01-02T03:04:05-05:00",
        "xs": "x||y",
    }


def test_the_native_protocol_binds_names(native, run, heap_sandbox):
    model = "select 'a' as email, 5 as n, unhex('ff') as x where n = %(n)s"
    operator = native(task_id="users", model=model, identity="email", parameters={"n": 5}, max_rejected=1)
    assert run(operator)["reasons"] == {"unreadable_value": 1}
    with pytest.raises(ModelError, match=r"for clickhouse-driver, write `%\(name\)s` with a dict"):
        run(native(task_id="users", model=model.replace("%(n)s", "%s"), identity="email", parameters=[5]))


def test_the_native_protocols_memory_stays_flat(native):
    operator = native(task_id="users", model="select 1", identity="email")
    assert_flat(operator.get_db_hook, "(select number from system.numbers limit {count})")


def assert_flat(get_hook, rows):
    """Assert that four times the rows take no more memory. The server sends blocks of 65,000 rows."""
    peaks = []
    for count in (100_000, 400_000):
        table = rows.format(count=count)
        # A text of 200 characters; old servers have no repeat().
        sql = f"select toString(number) as email, concat(toString(number), '{'x' * 200}') as x from {table}"
        with SqlModel(sql).open(ReadContext(get_hook)) as rows_read:
            assert sum(map(len, rows_read.chunks)) == count
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert peaks[1] - peaks[0] < 60_000
