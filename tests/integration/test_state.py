"""With state, a run sends what is new or changed, records what Heap took, and holds the sync meanwhile."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_heap.exceptions import (
    ModelError,
    StateError,
    SyncRunningError,
    TooManyRejectedError,
)
from airflow_provider_heap.operators.heap import (
    Constant,
    HeapAccountSyncOperator,
    HeapEventSyncOperator,
    HeapUserSyncOperator,
)
from airflow_provider_heap.sandbox import Faults
from airflow_provider_heap.sync.plan import Holder
from airflow_provider_heap.sync.state import lease
from airflow_provider_heap.sync.state.lease import Lease
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.sync.stop_signal import StopSignal


def users(model="select * from users", **parameters):
    return HeapUserSyncOperator(task_id="sync", model=model, sql_conn_id="warehouse", identity="email", **parameters)


def events(model="select * from orders", **parameters):
    return HeapEventSyncOperator(
        task_id="sync",
        model=model,
        sql_conn_id="warehouse",
        identity="email",
        insert_id="id",
        event="Order",
        timestamp=None,
        **parameters,
    )


def counts(report):
    return {name: report[name] for name in ("read", "unchanged", "sent", "requests")}


def execute(warehouse, statement):
    with closing(sqlite3.connect(warehouse.path)) as connection, connection:
        connection.execute(statement)


def test_a_second_run_sends_nothing_and_a_third_what_changed_in_between(heap_sandbox, warehouse, run, state):
    warehouse.users(2500)
    assert counts(run(users(**state))) == {"read": 2500, "unchanged": 0, "sent": 2500, "requests": 3}
    assert counts(run(users(**state))) == {"read": 2500, "unchanged": 2500, "sent": 0, "requests": 0}
    execute(warehouse, "update users set seats = -1 where n = 2001")
    execute(warehouse, "insert into users values ('new@example.com', 'free', 1, 9999)")
    assert counts(run(users(**state))) == {"read": 2501, "unchanged": 2499, "sent": 2, "requests": 1}
    assert heap_sandbox.users["u2001@example.com"]["seats"] == -1
    assert counts(run(users(**state))) == {"read": 2501, "unchanged": 2501, "sent": 0, "requests": 0}


def test_keys_are_told_apart_byte_by_byte(heap_sandbox, warehouse, run, state):
    keys = ["Ada", "ada", "ADA", "ada ", "ádá", "a\u0301da", "ß", "ss", "SS", "İ", "i", "👩", "x" * 255]
    warehouse.table("users", [{"email": key, "n": 1} for key in keys])
    assert run(users(**state))["sent"] == len(keys)
    execute(warehouse, "update users set n = 2 where email in ('ada', 'ss')")
    assert counts(run(users(**state))) == {"read": len(keys), "unchanged": len(keys) - 2, "sent": 2, "requests": 1}


def test_what_heap_refused_comes_again_by_itself(heap_sandbox, warehouse, run, state):
    warehouse.users(30)
    heap_sandbox.faults = Faults(refuse={"u7@example.com"})
    with pytest.raises(TooManyRejectedError):
        run(users(**state))
    heap_sandbox.faults = Faults()
    assert counts(run(users(**state))) == {"read": 30, "unchanged": 29, "sent": 1, "requests": 1}
    assert "u7@example.com" in heap_sandbox.users


def test_a_known_event_is_not_sent_again_whatever_its_row_says_now(heap_sandbox, warehouse, run, state):
    warehouse.table("orders", [{"id": n, "email": f"u{n}@example.com", "amount": n} for n in range(1, 1501)])
    assert run(events(**state))["sent"] == 1500
    execute(warehouse, "update orders set amount = 0")
    execute(warehouse, "insert into orders values (9999, 'a@example.com', 1)")
    assert counts(run(events(**state))) == {"read": 1501, "unchanged": 1500, "sent": 1, "requests": 1}
    assert len(heap_sandbox.events) == 1501


def test_full_sync_sends_all_and_records_it(heap_sandbox, warehouse, run, state):
    warehouse.users(10)
    run(users(**state))
    assert run(users(full_sync="True", **state))["sent"] == 10
    assert run(users(**state))["unchanged"] == 10


def test_a_deleted_row_that_returns_as_it_was_is_unchanged(heap_sandbox, warehouse, run, local_state):
    warehouse.users(3)
    run(users(**local_state))
    assert run(users("select * from users where n > 1", **local_state))["unchanged"] == 2
    assert run(users(**local_state))["unchanged"] == 3


def test_another_type_that_encodes_the_same_is_no_change(heap_sandbox, warehouse, run, local_state):
    run(users("select 'a' as email, 5 as n, '2026-01-01' as d, 'true' as b", **local_state))
    assert run(users("select 'a' as email, '2026-01-01' as d, 5 as n, 'true' as b", **local_state))["unchanged"] == 1
    assert run(users("select 'a' as email, '5' as n, '2026-01-01' as d, 'true' as b", **local_state))["sent"] == 1


@pytest.mark.parametrize(
    ("values", "sent"),
    [([1, 2, 1], 3), ([2, 2], 2), ([1], 1)],
)
def test_of_a_key_that_comes_twice_the_last_row_wins_whatever_the_state_says(
    heap_sandbox, warehouse, run, local_state, values, sent, capsys
):
    run(users("select 'a' as email, 0 as n", **local_state))
    model = " union all ".join(f"select 'a' as email, {n} as n" for n in values)
    report = run(users(model, **local_state, batch_size=1))
    assert (report["sent"], report["duplicate_keys"]) == (sent, int(len(values) > 1))
    assert heap_sandbox.users["a"]["n"] == values[-1]
    assert (" came more than once" in "".join(capsys.readouterr())) == (len(values) > 1)
    # The state is that of the last row: what comes next is compared with it.
    assert run(users(f"select 'a' as email, {values[-1]} as n", **local_state))["unchanged"] == 1


def test_an_unchanged_row_behind_a_changed_one_of_its_key_is_sent_too(heap_sandbox, warehouse, run, local_state):
    run(users("select 'a' as email, 1 as n", **local_state))
    report = run(users("select 'a' as email, 2 as n union all select 'a', 1", **local_state))
    assert (report["sent"], report["unchanged"]) == (2, 0)
    assert heap_sandbox.users["a"]["n"] == 1


def test_another_app_id_host_object_or_sync_has_a_state_of_its_own(
    heap_sandbox, warehouse, run, local_state, monkeypatch, capsys
):
    warehouse.users(5)
    run(users(**local_state))
    connection = {"conn_type": "heap", "login": "999", "host": heap_sandbox.url}
    monkeypatch.setenv("AIRFLOW_CONN_STAGING", json.dumps(connection))
    capsys.readouterr()
    assert run(users(heap_conn_id="staging", **local_state))["sent"] == 5
    told = "".join(capsys.readouterr())
    assert "empty for this target" in told
    assert "App ID 2388822444" in told
    assert run(users(sync_name="another", **local_state))["sent"] == 5
    account = HeapAccountSyncOperator(
        task_id="sync", model="select * from users", sql_conn_id="warehouse", account_id="email", **local_state
    )
    assert run(account)["sent"] == 5
    assert run(users(**local_state))["unchanged"] == 5


def test_a_renamed_task_keeps_its_state_by_its_sync_name(heap_sandbox, warehouse, run, local_state):
    warehouse.users(5)
    run(users(sync_name="people", **local_state))
    renamed = HeapUserSyncOperator(
        task_id="renamed",
        model="select * from users",
        sql_conn_id="warehouse",
        identity="email",
        sync_name="people",
        **local_state,
    )
    assert run(renamed)["unchanged"] == 5


def test_the_number_of_shards_may_change(heap_sandbox, warehouse, run, local_state):
    warehouse.users(20)
    for shards, state in ((3, "sent"), (4, "unchanged")):
        reports = [
            run(users(f"select * from users where n % {shards} = {shard}", **local_state)) for shard in range(shards)
        ]
        assert sum(report[state] for report in reports) == 20


def test_a_changed_mapping_that_resends_is_told_beforehand(heap_sandbox, warehouse, run, local_state, capsys):
    warehouse.users(5)
    run(users(properties=["plan"], **local_state))
    capsys.readouterr()
    run(users(properties=["plan"], **local_state))
    assert "mapping has changed" not in "".join(capsys.readouterr())
    report = run(users(properties={"plan": "plan", "Source": Constant("x")}, **local_state))
    assert report["sent"] == 5
    assert "mapping has changed" in "".join(capsys.readouterr())


def test_another_order_of_the_columns_is_no_change(heap_sandbox, warehouse, run, local_state):
    run(users("select 'a' as email, 1 as x, 2 as y", **local_state))
    assert run(users("select 2 as y, 'a' as email, 1 as x", **local_state))["unchanged"] == 1


def test_another_run_is_kept_out_and_may_come_when_the_first_is_done(heap_sandbox, warehouse, run, ti, state):
    warehouse.users(5)
    operator = users(**state)
    run(operator)
    ti.run_id = "the next run"
    holding = Lease(
        operator.open_store(), StateKey.of(operator.plan({})), Holder("dag/other run", "sync[-1]"), StopSignal()
    )
    holding.acquire()
    with pytest.raises(SyncRunningError, match="dag/other run") as raised:
        run(users(**state))
    assert raised.value.report["sent"] == 0
    assert len(heap_sandbox.requests) == 1
    assert operator.open_store().sync_row(StateKey.of(operator.plan({})))["last_run"].startswith("dag/manual__")
    holding.release()
    assert run(users(**state))["unchanged"] == 5


def test_a_run_waits_for_another_one_as_long_as_hold_timeout_says(heap_sandbox, warehouse, run, local_state, capsys):
    warehouse.users(5)
    operator = users(hold_timeout="120", **local_state)
    store, key = operator.open_store(), StateKey.of(operator.plan({}))
    store.create_tables()
    store.register_sync(key)
    holding = Lease(store, key, Holder("dag/other run", "sync[-1]"), StopSignal())
    holding.acquire()
    release = threading.Timer(0.5, holding.release)
    release.start()
    assert run(operator)["sent"] == 5
    assert "is held by another run, dag/other run: waiting up to 120 s" in "".join(capsys.readouterr())


def test_a_dead_holder_lapses(warehouse, local_state, heap_sandbox, run, monkeypatch):
    warehouse.users(1)
    operator = users(**local_state)
    run(operator)
    dead = Lease(operator.open_store(), StateKey.of(operator.plan({})), Holder("dag/dead", "sync[-1]"), StopSignal())
    dead.acquire()
    dead._ended.set()  # as if its process were gone
    with pytest.raises(SyncRunningError):
        run(users(**local_state))
    monkeypatch.setattr(lease, "EXPIRES_AFTER", 0.0)
    assert run(users(**local_state))["unchanged"] == 1


def test_events_need_no_lock(heap_sandbox, warehouse, run, local_state):
    warehouse.table("orders", [{"id": 1, "email": "a@example.com"}])
    operator = events(**local_state)
    operator.open_store().create_tables()
    operator.open_store().register_sync(StateKey.of(operator.plan({})))
    holding = Lease(operator.open_store(), StateKey.of(operator.plan({})), Holder("dag/other"), StopSignal())
    holding.acquire()
    assert run(events(**local_state))["sent"] == 1
    holding.release()


def test_a_state_database_that_goes_away_in_the_middle_loses_nothing(heap_sandbox, warehouse, run, state, ti):
    warehouse.users(3000)
    operator = users(concurrency=1, **state)
    store = operator.open_store()
    heap_sandbox._on_request = lambda request: request.number == 2 and _drop(store)
    with pytest.raises(StateError, match="could not be") as raised:
        run(operator)
    assert state["state_conn_id"] in str(raised.value)
    assert "@example.com" not in str(raised.value)
    heap_sandbox._on_request = None
    report = run(users(**state))
    assert report["sent"] == report["read"] == 3000
    assert len(heap_sandbox.users) == 3000


def _drop(store):
    with store.engine.begin() as connection:
        connection.execute(sa.text(f"drop table {store.tables.keys.name}"))


def test_events_are_forgotten_by_age(heap_sandbox, warehouse, run, local_state):
    warehouse.table("orders", [{"id": n, "email": "a@example.com"} for n in range(3)])
    operator = events(**local_state)
    run(operator)
    store = operator.open_store()
    with store.engine.begin() as connection:
        connection.execute(sa.text("update heap_sync_state set sent_at = sent_at - 100000"))
    assert run(events(state_retention=timedelta(days=2), **local_state))["unchanged"] == 3
    assert run(events(state_retention="1", **local_state))["sent"] == 3
    assert len(heap_sandbox.events) == 3


def test_the_table_may_stand_in_another_schema(heap_sandbox, warehouse, postgres, run):
    warehouse.users(3)
    schema = f"heap_state_{os.getpid()}"
    postgres.execute(f"create schema {schema}")
    try:
        assert run(users(state_conn_id="pg", state_table=f"{schema}.seen"))["sent"] == 3
        assert postgres.execute(f"select count(*) from {schema}.seen").fetchone() == (3,)
        assert run(users(state_conn_id="pg", state_table=f"{schema}.seen"))["unchanged"] == 3
    finally:
        postgres.execute(f"drop schema {schema} cascade")


def test_the_connection_s_own_settings_hold_for_the_state_too(heap_sandbox, warehouse, postgres, run):
    warehouse.users(3)
    run(users(state_conn_id="pg"))
    # The connection sets a search_path, which a mere URL would not carry.
    assert postgres.execute("select count(*) from heap_sync_state").fetchone() == (3,)


@pytest.mark.parametrize("table", ["", "schema."])
def test_a_table_without_a_name_is_refused(heap_sandbox, warehouse, run, local_state, table):
    with pytest.raises(ModelError, match="state_table"):
        run(users(state_table=table, **local_state))


def test_a_connection_that_holds_no_table_is_refused(heap_sandbox, warehouse, run):
    with pytest.raises(ModelError, match="heap_default"):
        run(users(state_conn_id="heap_default"))


def test_a_state_database_that_cannot_be_reached_is_a_failure_that_airflow_retries(
    heap_sandbox, warehouse, run, monkeypatch
):
    warehouse.users(1)
    monkeypatch.setenv("AIRFLOW_CONN_GONE", "postgres://nobody@127.0.0.1:1/none")
    with pytest.raises(StateError, match="gone"):
        run(users(state_conn_id="gone"))
    assert heap_sandbox.requests == []


def test_the_table_holds_no_personal_data(heap_sandbox, warehouse, run, local_state, tmp_path):
    warehouse.users(20)
    run(users(**local_state))
    assert b"example.com" not in (tmp_path / "state.db").read_bytes()
