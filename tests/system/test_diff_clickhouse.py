"""Rows that ClickHouse compares itself: the tests of all databases, and each of its types."""

from __future__ import annotations

import json

import pytest

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.operators.heap import HeapEventSyncOperator
from tests.integration.cli.conftest import dag_file, heap  # noqa: F401
from tests.integration.conftest import local_state, users  # noqa: F401
from tests.integration.models.diff.test_comparison import (  # noqa: F401
    test_a_dry_run_sends_and_makes_nothing,
    test_a_key_that_comes_more_than_once_is_refused_with_the_sql_that_picks_one,
    test_a_second_run_reads_and_sends_nothing_and_a_third_what_changed,
    test_a_sync_that_was_compared_by_the_worker_meanwhile_starts_over,
    test_another_mapping_sends_all_again,
    test_full_sync_sends_all_and_records_it,
    test_guards_speak_before_the_first_row_is_read,
    test_only_hashes_are_left_in_one_table,
    test_what_heap_refused_or_could_not_be_sent_comes_again_by_itself,
)
from tests.integration.models.diff.test_exactness import (  # noqa: F401
    kinds,
    test_what_is_sent_is_what_the_worker_would_send,
)
from tests.integration.models.diff.test_parameters import test_columns_of_any_name_are_compared  # noqa: F401
from tests.integration.models.diff.test_sent_table import (  # noqa: F401
    table,
    test_clearing_forgets_all,
    test_records_are_written_counted_read_and_forgotten,
)
from tests.integration.models.diff.test_session import (  # noqa: F401
    test_a_schema_that_is_missing_is_named_with_the_grant,
    test_a_syntax_error_says_that_the_model_is_nested,
)
from tests.integration.operators.test_comparison import (  # noqa: F401
    test_an_event_is_sent_once_whatever_its_row_says_later,
    test_more_than_a_hundred_columns_are_compared,
    test_old_events_are_forgotten,
)
from tests.integration.sync.state.test_diff_state import (  # noqa: F401
    kill,
    people,
    test_a_run_that_stood_still_while_another_had_the_sync_stops_and_the_newer_values_win,
    test_a_run_that_was_killed_at_any_statement_is_made_up_for,
    test_a_source_that_changes_during_the_run_is_read_once,
    test_a_value_that_goes_back_after_all_answers_were_lost_is_sent_again,
    test_mapped_instances_share_what_is_recorded,
    test_what_a_dead_run_recorded_late_is_sent_again,
)
from tests.system import emulators
from tests.system.diff_sources import ClickHouseSource
from tests.system.diff_values import (  # noqa: F401
    test_a_number_is_one_key_however_it_is_written,
    test_a_refused_row_is_sent_again_from_its_file_and_by_the_next_run,
    test_each_change_of_a_value_is_seen_and_nothing_else,
    test_the_commands_know_the_table,
)

pytestmark = pytest.mark.warehouse

BERLIN = "DateTime('Europe/Berlin')"
AT = [f"cast(toDateTime('2026-10-25 0{hour}:30:00', 'UTC') as {BERLIN})" for hour in (0, 1)]
MOST = "115792089237316195423570985008687907853269984665640564039457584007913129639935"
FINE = "DateTime64(6, 'Europe/Berlin')"
KIND = "Enum8('x' = 1, 'DateTime' = 2)"
ID = "61f0c404-5cb3-11e7-907b-a6006ad3dba"
#: By kind: a type, and values of which no two are the same. At 0:30 and 1:30 in UTC Berlin's clocks show the same.
VALUES = {
    "text": (
        "Nullable(String)",
        ["null", "''", "' '", "'a'", "'A'", "'a '", "'á'", "'null'", "'\x1f'", "'\0'", "'\"'", "'\\\\'", "'😀'"],
    ),
    "fixed": ("FixedString(4)", ["'ab'", "'ab '", "''"]),
    "number": ("Nullable(Int64)", ["null", "0", "1", "9223372036854775807", "9223372036854775806"]),
    "big": ("UInt256", ["'1'", f"'{MOST}'"]),
    "double": ("Nullable(Float64)", ["null", "0.3", "0.1 + 0.2", "1e300", "1e-300", "0.1", "toFloat32(0.1)"]),
    "decimal": ("Decimal(38, 6)", ["'1.10'", "'1.100001'", "'12345678901234567890.12'"]),
    "bool": ("Nullable(Bool)", ["null", "true", "false"]),
    "date": ("Date", ["'2026-01-02'", "'2026-01-03'"]),
    "moment": (f"Nullable({BERLIN})", ["null", *AT]),
    "fine": (FINE, [f"'2026-10-25 00:30:00.{x}'" for x in ("123456", "123457")]),
    "moments": (f"Array({BERLIN})", [f"[{at}]" for at in AT]),
    "texts": ("Array(Nullable(String))", ["[]", "['']", "['a', 'b']", "['a,b']", "['b', 'a']", "[null]", "['null']"]),
    "map": ("Map(String, Int64)", ["map('a', 1)", "map('a', 2)", "map('b', 1)", "map('a', 1, 'b', 2)"]),
    "pair": ("Tuple(String, Nullable(String))", ["('a', 'b')", "('ab', '')", "('', 'ab')", "('a', null)"]),
    "named": ("Tuple(a UInt8, b String)", ["(1, 'x')", "(1, 'y')"]),
    "json": ("JSON", ["'{}'", "'{\"a\":1}'", '\'{"a":"1"}\'', '\'{"a":{"b":null,"c":[1]}}\'']),
    "tier": ("LowCardinality(String)", ["'a'", "'b'"]),
    "kind": (KIND, ["'x'", "'DateTime'"]),
    "uuid": ("UUID", [f"'{ID}0'", f"'{ID}1'"]),
}
#: What is one key, and its text for ``--key``.
KEYS = [
    ("toDecimal64(1, 2)", "1"),
    ("1.0", "1"),
    ("toFloat64(1e7)", "10000000"),
    ("toFixedString('ab', 4)", "ab"),
    ("toUInt8(1)", "1"),
]


@pytest.fixture(scope="module")
def http_port(tmp_path_factory):
    """The port of ClickHouse's engine."""
    pytest.importorskip("clickhouse_connect")
    with emulators.clickhouse_http(tmp_path_factory.mktemp("clickhouse")) as port:
        yield port


@pytest.fixture
def source(http_port, monkeypatch, local_state):  # noqa: F811
    """ClickHouse's engine, with a database of its own."""
    clickhouse = ClickHouseSource(http_port, "heap_test")
    clickhouse.clear()
    clickhouse.values, clickhouse.keys = VALUES, KEYS
    monkeypatch.setenv("AIRFLOW_CONN_CLICK", json.dumps(clickhouse.connection))
    return clickhouse


def test_a_model_that_joins_gets_what_it_would_get_alone(heap_sandbox, source, users, run):  # noqa: F811
    """What ClickHouse's join does not find is a default value, and not null; comparing must not change that."""
    source.run("create table users (email varchar(200), n integer)")
    source.run("insert into users values ('a', 1), ('b', 2)")
    model = (
        "select u.email as email, o.x as x from users u left join (select 'a' as email, 7 as x) o on o.email = u.email"
    )
    for sent in (2, 0):
        assert run(users(model))["sent"] == sent
    assert heap_sandbox.users == {"a": {"x": 7}, "b": {"x": 0}}


@pytest.mark.parametrize("form", ["%(least)s", "{least:Int64}"])
def test_a_column_with_braces_is_no_parameter(heap_sandbox, source, users, run, form):  # noqa: F811
    source.run("create table users (email varchar(200), `100%` integer, `{least:Int64}` integer, n integer)")
    source.run("insert into users values ('a', 1, 2, 3)")
    for sent in (1, 0):
        assert run(users(f"select * from users where n > {form}", parameters={"least": 2}))["sent"] == sent
    assert heap_sandbox.users == {"a": {"100%": 1, "{least:Int64}": 2, "n": 3}}


def test_of_the_hour_that_comes_twice_each_event_is_sent(heap_sandbox, source, run):
    """At 0:30 and 1:30 in UTC Berlin's clocks show the same."""
    events = " union all ".join(f"select 'a' as email, {at} as at" for at in AT)
    given = {"task_id": "sync", "sql_conn_id": "click", "identity": "email", "insert_id": "at", "timestamp": "at"}
    given |= {"event": "Order", "state_conn_id": "sqlite", "diff_schema": source.schema}
    assert run(HeapEventSyncOperator(model=f"select * from ({events}) limit 1", **given))["sent"] == 1
    report = run(HeapEventSyncOperator(model=events, **given))
    assert (report["sent"], report["unchanged"]) == (1, 1)


@pytest.fixture(scope="module")
def native_port(tmp_path_factory):
    """The port of Debian's server, which is of 2018."""
    pytest.importorskip("clickhouse_driver")
    with emulators.clickhouse_native(tmp_path_factory.mktemp("clickhouse_native")) as port:
        yield port


def test_an_old_server_is_refused(heap_sandbox, native_port, local_state, run, monkeypatch):  # noqa: F811
    from airflow_clickhouse_plugin.hooks.clickhouse_dbapi import ClickHouseDbApiHook

    from airflow_provider_heap.operators.heap import HeapUserSyncOperator

    connection = {"conn_type": "clickhouse", "host": "127.0.0.1", "port": native_port, "login": "default"}
    monkeypatch.setenv("AIRFLOW_CONN_NATIVE", json.dumps(connection))

    class Operator(HeapUserSyncOperator):
        def get_db_hook(self):
            return ClickHouseDbApiHook("native")

    given = {"task_id": "sync", "model": "select 'a' as email", "identity": "email", "diff_schema": "default"}
    with pytest.raises(ModelError, match=r"could not compare rows.*toJSONString.*the worker compares"):
        run(Operator(**given, **local_state))
