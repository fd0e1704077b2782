"""The state tables, the hashes and the signature in them stay what they are."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest

from airflow_provider_heap.operators.heap import Constant, HeapAccountSyncOperator, RowTemplate
from tests.golden.expectations import EXPECTED, ORDERS, PEOPLE, Table, check, event, user


def test_state_tables_keep_their_columns_and_types(heap, state, run):
    run(user(PEOPLE, state_conn_id="state"))
    tables = [name for (name,) in state("select name from sqlite_master where type = 'table' order by name")]
    assert tables == ["heap_sync_state", "heap_sync_state_holders", "heap_sync_state_syncs"]
    check(
        "state tables",
        {name: state(f"select name, type, \"notnull\", pk from pragma_table_info('{name}')") for name in tables},
    )


def test_another_state_table_gives_its_name_to_all(heap, state, run):
    run(user(PEOPLE, state_conn_id="state", state_table="mine"))
    tables = [("mine",), ("mine_holders",), ("mine_syncs",)]
    assert state("select name from sqlite_master where type = 'table' order by name") == tables


@pytest.mark.parametrize(
    ("name", "operator"),
    [
        ("user", lambda: user(PEOPLE, state_conn_id="state")),
        (
            "account",
            lambda: HeapAccountSyncOperator(
                task_id="task",
                model=Table([{"account_id": "a1", "ltv": Decimal("10.50")}, {"account_id": "a2", "ltv": 7}]),
                state_conn_id="state",
                sync_name="golden",
            ),
        ),
        ("event", lambda: event(ORDERS, event="Order Placed", state_conn_id="state")),
        (
            "event, app",
            lambda: event(ORDERS, event="Order Placed", state_conn_id="state", insert_id_scope="app"),
        ),
        ("task", lambda: user(PEOPLE, state_conn_id="state", sync_name=None)),
    ],
)
def test_state_keeps_sync_ids_key_hashes_and_fingerprints(heap, state, run, name, operator):
    run(operator())
    check(
        f"state of {name}",
        {
            "sync": state(
                "select sync_id, sync_name, base_url, app_id, object, mapping, last_run, holders from "
                "heap_sync_state_syncs"
            ),
            "keys": state("select key_hash, sync_id, fingerprint from heap_sync_state order by key_hash"),
        },
    )


@pytest.mark.parametrize(
    ("signature", "operator"),
    [
        ("1:dd216ab9e40d41e9", lambda: user(PEOPLE)),
        ("1:1ac4cd3255fcb697", lambda: user(PEOPLE, properties=["plan"])),
        ("1:97d8b0a9eb0138f9", lambda: user(PEOPLE, properties={"Plan": "plan", "Seats": "seats"})),
        ("1:97d8b0a9eb0138f9", lambda: user(PEOPLE, properties={"Seats": "seats", "Plan": "plan"})),
        ("1:f52b349f33720164", lambda: user(PEOPLE, properties={"Source": Constant("crm"), "Number": Constant(7)})),
        ("1:224e965c08bafa56", lambda: user(PEOPLE, properties={"Both": RowTemplate("{{ plan }} {{ seats }}")})),
        ("1:44f2a154be687ddd", lambda: user(PEOPLE, nulls="empty")),
        ("1:bba592e31c218140", lambda: user(PEOPLE, nested="json")),
        ("1:e5358c9cdb55f577", lambda: user(PEOPLE, timezone="Europe/Berlin")),
        ("1:6923600480409c0c", lambda: event(ORDERS, event="Order Placed")),
        ("1:6c27d9a0cec9d2a0", lambda: event(ORDERS, event_column="name", insert_id_scope="app")),
        ("1:a58a33b2d2a3e79b", lambda: event(ORDERS, event_column="name", timestamp=None, session_id="total")),
    ],
)
def test_state_keeps_the_signature_of_a_mapping(heap, state, run, signature, operator):
    task = operator()
    task.state_conn_id = "state"
    task.max_rejected = 100
    run(task)
    assert state("select mapping from heap_sync_state_syncs") == [(signature,)]


def test_a_state_of_today_finds_nothing_changed(heap, state, run, tmp_path):
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection, connection:
        connection.execute(
            "create table heap_sync_state (key_hash varchar(32) primary key not null, sync_id varchar(16) not null, "
            "fingerprint varchar(16) not null, sent_at bigint not null) without rowid"
        )
        connection.execute(
            "create table heap_sync_state_syncs (sync_id varchar(16) primary key not null, sync_name varchar(500) not "
            "null, base_url varchar(500) not null, app_id varchar(50) not null, object varchar(50) not null, mapping "
            "varchar(50), last_run varchar(500), last_run_at bigint, holders text not null, turn bigint not null)"
        )
        stored = EXPECTED["state of user"]
        connection.executemany("insert into heap_sync_state values (?, ?, ?, 1)", stored["keys"])
        connection.executemany(
            "insert into heap_sync_state_syncs values (?, ?, ?, ?, ?, ?, ?, 1, ?, 1)", stored["sync"]
        )
    report = run(user(PEOPLE, state_conn_id="state"))
    assert (report["unchanged"], report["sent"]) == (3, 0)
