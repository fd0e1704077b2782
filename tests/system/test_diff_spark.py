"""Rows that Spark compares itself: the tests of all databases, each of its types, and tables without DELETE."""

from __future__ import annotations

import json

import pytest

from airflow_provider_heap.exceptions import SyncRunningError
from airflow_provider_heap.models.diff.dialects.spark import SparkDialect
from airflow_provider_heap.models.diff.session import Session
from airflow_provider_heap.sync.plan import Holder
from airflow_provider_heap.sync.state.lease import Lease
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.sync.stop_signal import StopSignal
from tests.integration.cli.conftest import dag_file, heap  # noqa: F401
from tests.integration.conftest import local_state, users  # noqa: F401
from tests.integration.models.diff.test_comparison import (  # noqa: F401
    make_users,
    test_a_dry_run_sends_and_makes_nothing,
    test_a_key_that_comes_more_than_once_is_refused_with_the_sql_that_picks_one,
    test_a_second_run_reads_and_sends_nothing_and_a_third_what_changed,
    test_full_sync_sends_all_and_records_it,
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
)
from tests.integration.operators.test_comparison import (  # noqa: F401
    test_an_event_is_sent_once_whatever_its_row_says_later,
    test_more_than_a_hundred_columns_are_compared,
)
from tests.integration.sync.state.test_diff_state import (  # noqa: F401
    kill,
    people,
    test_a_run_that_was_killed_at_any_statement_is_made_up_for,
    test_a_value_that_goes_back_after_all_answers_were_lost_is_sent_again,
)
from tests.system import emulators
from tests.system.diff_sources import SparkSource
from tests.system.diff_values import (  # noqa: F401
    test_a_number_is_one_key_however_it_is_written,
    test_a_refused_row_is_sent_again_from_its_file_and_by_the_next_run,
    test_each_change_of_a_value_is_seen_and_nothing_else,
    test_the_commands_know_the_table,
)

pytestmark = pytest.mark.warehouse

#: By kind: a type, and values of which no two are the same.
VALUES = {
    "text": (
        "string",
        [
            "null",
            "''",
            "' '",
            "'a'",
            "'A'",
            "'a '",
            "'á'",
            "'null'",
            "'\\u001f'",
            "'\\u0000'",
            "'\"'",
            "'\\\\\\\\'",
            "'😀'",
        ],
    ),
    "number": ("bigint", ["null", "0", "1", "9223372036854775807", "9223372036854775806"]),
    "double": ("double", ["null", "0.3D", "0.1D + 0.2D", "1e300", "1e-300", "double('nan')", "double('infinity')"]),
    "single": ("float", ["0.1", "0.10000001"]),
    "decimal": ("decimal(38, 6)", ["1.10", "1.100001", "'12345678901234567890.12'", "null"]),
    "bool": ("boolean", ["null", "true", "false"]),
    "date": ("date", ["'2026-01-02'", "'0001-01-01'", "null"]),
    "moment": ("timestamp", ["'2026-10-25 00:30:00.123456'", "'2026-10-25 00:30:00.123457'", "'0001-01-01'", "null"]),
    "naive": ("timestamp_ntz", ["'2026-10-25 00:30:00.123456'", "'2026-10-25 00:30:00.123457'"]),
    "texts": (
        "array<string>",
        ["array()", "array('')", "array('a', 'b')", "array('a,b')", "array(null)", "array('null')", "null"],
    ),
    "pairs": ("map<string, int>", ["map('a', 1)", "map('a', null)", "map('b', 1)", "map('a', 1, 'b', 2)", "map()"]),
    "fields": (
        "struct<x: string, y: string>",
        ["struct('a', 'b')", "struct('ab', '')", "struct('', 'ab')", "struct(null, 'a')", "struct('a', null)", "null"],
    ),
    "at": ("struct<at: timestamp>", ["struct('2026-01-02 03:04:05.000001')", "struct('2026-01-02 03:04:05.000002')"]),
    "years": ("interval year", ["interval 1 year", "interval 2 year"]),
}
#: What is one key, and its text for ``--key``.
KEYS = [("cast(1 as decimal(9, 2))", "1"), ("cast(1e7 as double)", "10000000"), ("cast(10 as decimal(9, 0))", "10")]


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """A server's port."""
    pytest.importorskip("pyhive")
    with emulators.spark(tmp_path_factory.mktemp("spark")) as port:
        yield port


@pytest.fixture
def source(port, monkeypatch, local_state):  # noqa: F811
    """Spark's Thrift server, with a schema of its own."""
    spark = SparkSource(port, "default")
    spark.clear()
    spark.values, spark.keys = VALUES, KEYS
    monkeypatch.setenv("AIRFLOW_CONN_SPARK", json.dumps(spark.connection))
    yield spark
    spark.clear()


def test_moments_count_as_the_client_hands_them_over(heap_sandbox, source, users, run, monkeypatch):  # noqa: F811
    """PyHive hands over local times: in another time zone of the session, an item is another one."""
    prepare = SparkDialect.prepare
    zones = []

    def set_zone(self, connection):
        prepare(self, connection)
        connection.cursor().execute(f"set spark.sql.session.timeZone={zones[-1]}")

    monkeypatch.setattr(SparkDialect, "prepare", set_zone)
    for zone, second, at in (
        ("UTC", 1792888200, "2026-10-25T00:30:00+00:00"),
        ("Europe/Berlin", 1792888200, "2026-10-25T02:30:00+00:00"),
        ("Europe/Berlin", 1792891800, "2026-10-25T02:30:00+00:00"),
    ):
        zones.append(zone)
        source.run(f"create or replace view people as select 'a' as email, timestamp_seconds({second}) as at")
        assert run(users("select * from people"))["sent"] == 1
        assert heap_sandbox.users["a"] == {"at": at}
        assert run(users("select * from people"))["unchanged"] == 1


def test_names_and_types_that_no_table_can_have_are_compared(heap_sandbox, source, users, run):  # noqa: F811
    model = "select 'a' as email, 1 as `a,b;c=d`, null as nothing"
    for sent in (1, 0):
        assert run(users(model, properties={"p": "a,b;c=d", "nothing": "nothing"}))["sent"] == sent
    assert heap_sandbox.users == {"a": {"p": 1}}


def test_instances_of_a_mapped_task_are_told_to_have_a_state_each(heap_sandbox, source, users, run, ti):  # noqa: F811
    make_users(source, 3)
    store, key = users().open_store(), StateKey.of(users().plan({"ti": ti}))
    run(users())
    sibling = Lease(store, key, Holder("dag/manual__2026-11-23T00:00:00+00:00", "task[1]"), StopSignal())
    sibling.acquire()
    try:
        with pytest.raises(SyncRunningError, match=r"sync_name='adhoc_airflow.sync-\{\{ ti.map_index \}\}'"):
            run(users())
        assert run(users(sync_name="sync-1"))["sent"] == 3
    finally:
        sibling.release()
    assert run(users())["unchanged"] == 3


@pytest.fixture
def comparison(users, ti):  # noqa: F811
    """Make what a run of the operator would compare rows with."""
    return lambda: users().comparison(users().plan({"ti": ti}))


def test_what_two_runs_delete_at_once_stays_deleted(heap_sandbox, source, users, run, monkeypatch, comparison):  # noqa: F811
    make_users(source, 3)
    run(users())
    first, second, third = sorted(row[0] for row in source.sent)
    original = Session.run

    def stand_still(session, statement, action):
        original(session, statement, action)
        if statement.startswith("create table"):
            monkeypatch.setattr(Session, "run", original)
            comparison().forget([second])

    monkeypatch.setattr(Session, "run", stand_still)
    comparison().forget([first])
    assert [row[0] for row in source.sent] == [third]
    assert len(source.tables) == 1
