"""
What is stored or public stays what it is: bytes, digests, names.

Only the public interface is used, so these tests outlive any change of the internals. The longer expectations are in
``expected.json``. When one of these tests fails, users' state is sent again in full, or their DAGs break: change an
expectation only together with a line in the changelog.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException

from airflow_provider_heap import exceptions
from airflow_provider_heap.exceptions import GuardError, TooManyRejectedError
from airflow_provider_heap.hooks.heap import HeapHook
from airflow_provider_heap.models import Rows
from airflow_provider_heap.models.dbt import DbtCloudArtifacts, DbtModel
from airflow_provider_heap.models.looker import LookerLook
from airflow_provider_heap.models.sql import SqlModel
from airflow_provider_heap.operators.heap import (
    Constant,
    HeapAccountSyncOperator,
    HeapEventSyncOperator,
    HeapRedriveOperator,
    HeapUserSyncOperator,
    RowTemplate,
)
from airflow_provider_heap.provider_info import get_provider_info

EXPECTED = json.loads((Path(__file__).parent / "expected.json").read_text("utf-8"))
MOMENT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
RUN = "dag/task/manual__2026-11-23T00:00:00+00:00/-1-1"


def text(value):
    """Write a value as JSON, so that the order of keys counts."""
    return json.dumps(value, indent=1)


def check(name, value):
    """Compare with what ``expected.json`` has under a name."""
    assert text(value) == text(EXPECTED[name])


@dataclass(frozen=True)
class Table:
    """A model of rows given as dicts of one set of keys."""

    rows: Sequence[dict[str, Any]]

    @contextmanager
    def open(self, source):
        """Give the rows in one chunk."""
        yield Rows(list(self.rows[0]), [[tuple(row.values()) for row in self.rows]])


def user(model, **kwargs):
    """Make a sync of users with state."""
    model = Table(model) if isinstance(model, list) else model
    return HeapUserSyncOperator(**{"task_id": "task", "model": model, "sync_name": "golden", **kwargs})


def event(model, **kwargs):
    """Make a sync of events with state."""
    model = Table(model) if isinstance(model, list) else model
    given = {"insert_id": "id", "timestamp": "at", "identity": "email", **kwargs}
    return HeapEventSyncOperator(**{"task_id": "task", "model": model, "sync_name": "golden", **given})


PEOPLE = [
    {"identity": "ada@example.com", "plan": "pro", "seats": 3},
    {"identity": "Äöü \U0001f600", "plan": None, "seats": 4},
    {"identity": "42", "plan": "free", "seats": None},
]
ORDERS = [
    {"id": "order-00042", "email": "ada@example.com", "at": MOMENT, "name": "Order Placed", "total": 9.5},
    {"id": "order-00043", "email": "bob@example.com", "at": "2026-11-23", "name": "Refund", "total": None},
]


# State


def test_state_tables_keep_their_columns_and_types(heap, state, run):
    run(user(PEOPLE, state_conn_id="state"))
    tables = [name for (name,) in state("select name from sqlite_master where type = 'table' order by name")]
    assert tables == ["heap_sync_state", "heap_sync_state_syncs"]
    check(
        "state tables",
        {name: state(f"select name, type, \"notnull\", pk from pragma_table_info('{name}')") for name in tables},
    )


def test_another_state_table_gives_its_name_to_both(heap, state, run):
    run(user(PEOPLE, state_conn_id="state", state_table="mine"))
    assert state("select name from sqlite_master where type = 'table' order by name") == [("mine",), ("mine_syncs",)]


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


# Items


def bodies(folder):
    """Read the bodies that a dry run kept."""
    return [path.read_bytes().decode() for path in sorted(folder.rglob("*.json"))]


VALUES = [
    0,
    -7,
    2**53 - 1,
    2**53,
    -(2**53),
    1.5,
    1.0,
    1e16,
    1e-7,
    0.1 + 0.2,
    float("nan"),
    float("inf"),
    True,
    False,
    Decimal("1.50"),
    Decimal("3"),
    Decimal("1E+20"),
    Decimal("0.1234567890123456789"),
    Decimal("NaN"),
    "",
    "text",
    'Ä "quoted" \\ \n\x00\U0001f600',
    "x" * 1023,
    "x" * 1024,
    "x" * 1022 + "\U0001f600",
    datetime(2026, 11, 23, 9, 30),
    datetime(2026, 11, 23, 9, 30, 0, 123456),
    MOMENT,
    datetime(2026, 11, 23, 9, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    date(2026, 11, 23),
    time(9, 30),
    timedelta(hours=1),
    timedelta(milliseconds=1500),
    UUID("12345678-1234-5678-1234-567812345678"),
    None,
    {"b": 1, "a": {"c": [1, None, True], "d": None}},
    {},
    [1, "two", 3.5, None, True],
    [],
    [{"a": 1}, {"a": 2}],
    ("x", "y"),
]


@pytest.mark.parametrize("nested", ["flatten", "json"])
@pytest.mark.parametrize("nulls", ["omit", "empty"])
def test_items_keep_their_bytes_for_columns_of_mixed_types(heap, run, tmp_path, nested, nulls):
    rows = [{"identity": f"u{number}", "value": value, "n": number} for number, value in enumerate(VALUES)]
    run(user(rows, dry_run=True, dry_run_path=str(tmp_path), nested=nested, nulls=nulls))
    check(f"items, {nested}, {nulls}", bodies(tmp_path)[0].split('},{"identity"'))


@pytest.mark.parametrize("nested", ["flatten", "json"])
def test_items_keep_their_bytes_for_columns_of_one_type(heap, run, tmp_path, nested):
    row = {"identity": "u", **{f"c{number:02}": value for number, value in enumerate(VALUES)}}
    report = run(user([row], dry_run=True, dry_run_path=str(tmp_path), nested=nested, timezone="Europe/Berlin"))
    check(f"item, {nested}", [report["truncated"], *bodies(tmp_path)[0].split(',"c')])


def test_keys_keep_their_text(heap, run, tmp_path):
    keys = [
        "Ada",
        " padded ",
        42,
        2**60,
        42.0,
        Decimal("42.00"),
        Decimal("1E+3"),
        UUID(int=7),
        MOMENT,
        datetime(2026, 11, 23, 9, 30),
        date(2026, 11, 23),
    ]
    rows = [{"identity": key, "n": 1} for key in keys]
    run(user(rows, dry_run=True, dry_run_path=str(tmp_path)))
    check("keys", [item["identity"] for item in json.loads(bodies(tmp_path)[0])["users"]])


def test_timestamps_keep_their_text(heap, run, tmp_path):
    moments = [
        MOMENT,
        datetime(2026, 11, 23, 9, 30),
        date(2026, 11, 23),
        "2026-11-23",
        "2026-11-23 09:30:00",
        "2026-11-23T09:30:00Z",
        "2026-11-23T09:30:00.5+02:00",
    ]
    rows = [{"id": f"order-{number}", "email": "a", "at": moment} for number, moment in enumerate(moments)]
    run(event(rows, event="E", dry_run=True, dry_run_path=str(tmp_path), timezone="Europe/Berlin"))
    check("timestamps", [item["timestamp"] for item in json.loads(bodies(tmp_path)[0])["events"]])


@pytest.mark.parametrize("scope", ["event", "app"])
def test_events_keep_their_idempotency_keys_and_bytes(heap, run, tmp_path, scope):
    orders = [{**row, "session": number or None} for number, row in enumerate(ORDERS)]
    run(
        event(
            orders,
            event_column="name",
            session_id="session",
            insert_id_scope=scope,
            properties={"Total": "total", "Via": Constant("web"), "Text": RowTemplate("{{ name }}: {{ total }}")},
            dry_run=True,
            dry_run_path=str(tmp_path),
        )
    )
    check(f"events, {scope}", bodies(tmp_path))


def test_an_event_of_a_user_id_keeps_its_bytes(heap, run, tmp_path):
    rows = [{"id": "order-00042", "user": 123456, "at": MOMENT}]
    run(event(rows, identity=None, user_id="user", event="E", dry_run=True, dry_run_path=str(tmp_path)))
    check("event of a user ID", bodies(tmp_path))


def test_an_insert_id_is_found_as_its_idempotency_key():
    assert event("select 1", event="Order Placed").sync_key("42") == "1411752f5ae9fe3460292155b14ff70c"
    assert event("select 1", event_column="name").sync_key("42", "Order Placed") == "1411752f5ae9fe3460292155b14ff70c"
    assert event("select 1", event="Order Placed", insert_id_scope="app").sync_key("42") == "42"


# Reports


PLAIN = [
    "read",
    "unchanged",
    "invalid",
    "rejected",
    "sent",
    "truncated",
    "requests",
    "bytes",
    "seconds",
    "reasons",
    "rejects",
]
WITH_STATE = [
    "read",
    "unchanged",
    "invalid",
    "rejected",
    "sent",
    "truncated",
    "requests",
    "bytes",
    "duplicate_keys",
    "seconds",
    "reasons",
    "rejects",
]
DRY = [
    "read",
    "unchanged",
    "invalid",
    "rejected",
    "sent",
    "would_send",
    "truncated",
    "requests",
    "bytes",
    "seconds",
    "reasons",
    "rejects",
    "dry_run_path",
]
DRY_WITH_STATE = [
    "read",
    "unchanged",
    "invalid",
    "rejected",
    "sent",
    "would_send",
    "truncated",
    "requests",
    "bytes",
    "duplicate_keys",
    "seconds",
    "reasons",
    "rejects",
    "dry_run_path",
]


@pytest.mark.parametrize(
    ("keys", "kwargs"),
    [
        (PLAIN, {}),
        (WITH_STATE, {"state_conn_id": "state"}),
        (WITH_STATE, {"unique_key": True}),
        (DRY, {"dry_run": True}),
        (DRY_WITH_STATE, {"dry_run": True, "state_conn_id": "state"}),
    ],
)
def test_a_report_keeps_its_keys_in_order(heap, state, run, keys, kwargs):
    assert list(run(user(PEOPLE, **kwargs))) == keys


def test_the_report_of_a_failure_keeps_its_keys_in_order(heap, state, run, ti):
    heap.faults.refuse = frozenset({"42"})
    with pytest.raises(TooManyRejectedError) as raised:
        run(user(PEOPLE, state_conn_id="state"))
    assert list(raised.value.report) == WITH_STATE
    assert {"report", "heap_url"} <= ti.xcom.keys()
    assert ti.xcom["report"] == raised.value.report
    assert ti.xcom["heap_url"] == "http://heap.invalid/"


def test_the_report_of_a_broken_guard_keeps_its_keys_in_order(heap, run, ti):
    with pytest.raises(GuardError) as raised:
        run(user(PEOPLE, min_rows=4))
    assert list(raised.value.report) == PLAIN
    assert list(ti.xcom["report"]) == PLAIN


def test_hook_and_redrive_return_the_same_keys(heap, run):
    assert list(HeapHook().add_user_properties([{"identity": "a", "properties": {"x": 1}}])) == PLAIN
    assert list(run(HeapRedriveOperator(task_id="task", path=""))) == PLAIN


# Rows that did not arrive


def lines(folder):
    """Read the one rejects file below a folder."""
    [path] = folder.rglob("*.jsonl")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def codes(folder):
    """Return row, kind, reason and column of each line of a rejects file."""
    return sorted([line["row"], line["kind"], line["reason"], line.get("column")] for line in lines(folder))


def test_a_bad_key_keeps_its_reason_codes(heap, run, tmp_path):
    keys = ["good", None, float("nan"), " ", "x" * 256, True, 1.5, {}, [], b"x", Decimal("1E+2000"), "\ud800"]
    report = run(user([{"identity": key, "n": 1} for key in keys], max_rejected=100, rejects_path=str(tmp_path)))
    check("codes of identity", [codes(tmp_path), report["reasons"]])


def test_a_bad_account_id_keeps_its_reason_codes(heap, run):
    rows = [{"account_id": key, "n": 1} for key in [None, "", "x" * 256, False]]
    report = run(HeapAccountSyncOperator(task_id="task", model=Table(rows), max_rejected=100))
    assert report["reasons"] == {
        "account_id_null": 1,
        "account_id_blank": 1,
        "account_id_too_long": 1,
        "account_id_type": 1,
    }


def test_a_bad_event_keeps_its_reason_codes(heap, run, tmp_path):
    good = {"id": "order-00042", "email": "a@example.com", "at": MOMENT, "name": "E", "session": "s"}
    bad = [
        {},
        {"name": None},
        {"name": " "},
        {"name": "x" * 1025},
        {"name": True},
        {"email": None},
        {"id": None},
        {"id": ""},
        {"id": "x" * 256},
        {"id": 1.5},
        {"at": None},
        {"at": " "},
        {"at": "yesterday"},
        {"at": "20261123"},
        {"at": 1764000000},
        {"session": None},
        {"session": " "},
        {"session": "x" * 256},
        {"session": True},
    ]
    rows = [{**good, **one} for one in bad]
    run(event(rows, event_column="name", session_id="session", max_rejected=100, rejects_path=str(tmp_path)))
    check("codes of event", codes(tmp_path))


def test_a_bad_user_id_keeps_its_reason_codes(heap, run, tmp_path):
    users = [1, None, " ", "x" * 256, "abc", -1, 1.5, 2**53, True]
    rows = [{"id": f"order-{number}", "user": user, "at": MOMENT} for number, user in enumerate(users)]
    run(event(rows, identity=None, user_id="user", event="E", max_rejected=100, rejects_path=str(tmp_path)))
    check("codes of user_id", codes(tmp_path))


def test_a_short_insert_id_keeps_its_reason_code(heap, run):
    rows = [{**row, "id": key} for row, key in zip(ORDERS, ["1234567", "12345678"], strict=True)]
    report = run(event(rows, event="E", insert_id_scope="app", max_rejected=100))
    assert (report["sent"], report["reasons"]) == (1, {"idempotency_key_too_short": 1})


def test_bad_properties_keep_their_reason_codes(heap, run, tmp_path):
    values = [
        "good",
        b"bytes",
        object(),
        "\ud800",
        {"a": b"bytes"},
        [b"bytes"],
        {"\ud800": 1},
        {"taken": 1},
        {"a": {"b": 1}, "a.b": 2},
        {"x" * 1023: 1},
    ]
    rows = [{"identity": f"u{number}", "value": value, "taken": 1} for number, value in enumerate(values)]
    properties = {"p": "value", "p.taken": "taken"}
    run(user(rows, properties=properties, max_rejected=100, rejects_path=str(tmp_path)))
    check("codes of properties", codes(tmp_path))


def test_a_template_that_fails_keeps_its_reason_code(heap, run, tmp_path):
    rows = [{"identity": "a", "n": 1}, {"identity": "b", "n": 0}]
    properties = {"Share": RowTemplate("{{ 1 / n }}")}
    run(user(rows, properties=properties, max_rejected=100, rejects_path=str(tmp_path)))
    assert codes(tmp_path) == [[2, "invalid", "template_error", None]]


def test_a_record_of_the_hook_keeps_its_reason_codes(heap):
    records = [
        {"event": "E"},
        {"event": "E", "identity": "a", "user_id": 1},
        {"event": "E", "identity": "a", "idempotency_key": "short"},
        {"event": "E", "identity": "a"},
    ]
    with pytest.raises(TooManyRejectedError) as raised:
        HeapHook().track(records)
    assert raised.value.report["reasons"] == {
        "idempotency_key_too_short": 1,
        "person_missing": 1,
        "person_twice": 1,
    }
    assert raised.value.report["sent"] == 1


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_refused_item_keeps_its_reason_code(heap, run, status):
    heap.faults.refuse, heap.faults.refuse_status = frozenset({"42"}), status
    report = run(user(PEOPLE, max_rejected=1))
    assert (report["sent"], report["reasons"]) == (2, {f"http_{status}": 1})


def test_a_large_item_keeps_its_reason_code(heap, run):
    heap.faults.max_bytes = 150
    report = run(user([*PEOPLE, {"identity": "big", "plan": "x" * 500, "seats": 1}], max_rejected=1))
    assert (report["sent"], report["reasons"]) == (3, {"http_413": 1})


def test_a_rejects_file_keeps_its_path_and_its_lines(heap, run, tmp_path):
    heap.faults.refuse = frozenset({"42"})
    rows = [*PEOPLE, {"identity": None, "plan": b"\x00\xff", "seats": float("inf")}]
    report = run(user(rows, max_rejected=2, rejects_path=str(tmp_path)))
    [path] = tmp_path.rglob("*.jsonl")
    assert str(path.relative_to(tmp_path)) == f"{RUN}.jsonl"
    assert report["rejects"] == f"{tmp_path}/{RUN}.jsonl"
    check("rejects", sorted(path.read_text("utf-8").splitlines()))


def test_a_dry_run_keeps_the_paths_of_its_requests(heap, run, tmp_path):
    report = run(user(PEOPLE, batch_size=2, concurrency=1, dry_run=True, dry_run_path=str(tmp_path)))
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json"))
    assert found == [f"{RUN}/000001.json", f"{RUN}/000002.json"]
    assert report["dry_run_path"] == f"{tmp_path}/{RUN}"


def test_a_rejects_file_of_today_can_be_sent_again(heap, state, run, tmp_path):
    (tmp_path / "rejects.jsonl").write_text("\n".join(EXPECTED["rejects"]) + "\n", "utf-8")
    report = run(HeapRedriveOperator(task_id="task", path=str(tmp_path / "rejects.jsonl"), state_conn_id="state"))
    assert (report["read"], report["sent"]) == (1, 1)
    assert list(report) == WITH_STATE
    assert heap.users == {"42": {"plan": "free"}}
    [key] = state("select key_hash, sync_id, fingerprint from heap_sync_state")
    assert list(key) in EXPECTED["state of user"]["keys"]


# The text of objects, and DAGs


OBJECTS = {
    "Constant": Constant("crm"),
    "Constant of a dict": Constant({"a": [1, None]}),
    "RowTemplate": RowTemplate("{{ first }} {{ last }}"),
    "SqlModel": SqlModel("select * from users"),
    "DbtModel": DbtModel("dim_users"),
    "DbtModel, all": DbtModel(
        "dim_users",
        manifest="s3://bucket/manifest.json",
        columns=["id", "plan"],
        where="plan = 'pro'",
        require={"tests", "freshness"},
        max_age=timedelta(hours=6),
    ),
    "DbtModel, Cloud": DbtModel("dim_users", manifest=DbtCloudArtifacts(job_id=7)),
    "LookerLook": LookerLook(42),
    "LookerLook, all": LookerLook("42", looker_conn_id="mine", mode="results", by="label", limit=10),
}


def test_objects_keep_their_text():
    check("repr", {name: repr(one) for name, one in OBJECTS.items()})


def test_a_serialized_dag_keeps_the_text_of_models_and_properties():
    from airflow.serialization import serialized_objects

    serializer = getattr(serialized_objects, "DagSerialization", serialized_objects.SerializedDAG)
    properties = {"Source": Constant("crm"), "Name": RowTemplate("{{ first }}"), "Plan": "plan"}
    models = {name: one for name, one in OBJECTS.items() if hasattr(one, "open")}
    with DAG(dag_id="golden", schedule=None) as dag:
        for number, model in enumerate([*models.values(), "select 1"]):
            HeapUserSyncOperator(task_id=f"task{number}", model=model, sql_conn_id="warehouse", properties=properties)
    tasks = [task.get("__var", task) for task in serializer.to_dict(dag)["dag"]["tasks"]]
    check("serialized models", [task["model"] for task in tasks])
    check("serialized properties", tasks[0]["properties"])
    assert {text(task["properties"]) for task in tasks} == {text(tasks[0]["properties"])}


# Names


CLASSES = {
    "airflow_provider_heap.operators.heap": [
        "Constant",
        "HeapAccountSyncOperator",
        "HeapEventSyncOperator",
        "HeapRedriveOperator",
        "HeapSyncOperator",
        "HeapUserSyncOperator",
        "RowTemplate",
    ],
    "airflow_provider_heap.operators.redrive": ["HeapRedriveOperator"],
    "airflow_provider_heap.hooks.heap": ["HeapHook"],
    "airflow_provider_heap.exceptions": [
        "GateError",
        "GuardError",
        "HeapConfigurationError",
        "HeapError",
        "HeapRefusedError",
        "HeapUnavailableError",
        "ModelError",
        "ModelUnavailableError",
        "StateError",
        "SyncRunningError",
        "SyncStoppedError",
        "TooManyRejectedError",
    ],
    "airflow_provider_heap.models": ["Model", "Rows"],
    "airflow_provider_heap.models.sql": ["SqlModel"],
    "airflow_provider_heap.models.dbt": ["DbtCloudArtifacts", "DbtModel"],
    "airflow_provider_heap.models.looker": ["LookerLook"],
    "airflow_provider_heap.links.heap": ["HeapLink"],
}
FUNCTIONS = {
    "airflow_provider_heap.assets.heap": ["sanitize_uri", "convert_asset_to_openlineage", "openlineage_dataset"],
    "airflow_provider_heap.provider_info": ["get_provider_info"],
}
METHODS = [
    "add_account_properties",
    "add_user_properties",
    "track",
    "test_connection",
    "get_conn",
    "get_ui_field_behaviour",
]


def parameters(function):
    """Return each parameter of a function with its default."""
    found = inspect.signature(function).parameters.values()
    return {
        one.name: "required" if one.default is one.empty else repr(one.default)
        for one in found
        if one.name != "self" and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    }


def constructor(cls):
    """Return each parameter that a class and our own classes that it derives from take, by name."""
    ours = [one for one in cls.__mro__ if one.__module__.startswith("airflow_provider_heap")]
    found: dict[str, str] = {}
    for one in ours:
        if "__init__" in vars(one):
            found = {**parameters(one.__init__), **found}
    return dict(sorted(found.items())) if len(ours) > 1 else found


def test_public_classes_keep_their_paths_and_parameters():
    check(
        "constructors",
        {
            f"{module}.{name}": constructor(getattr(importlib.import_module(module), name))
            for module, names in CLASSES.items()
            for name in names
            if name != "Model" and module != "airflow_provider_heap.exceptions"
        },
    )
    assert importlib.import_module("airflow_provider_heap.models").Model


def test_public_functions_and_methods_keep_their_parameters():
    found = {
        f"{module}.{name}": parameters(getattr(importlib.import_module(module), name))
        for module, names in FUNCTIONS.items()
        for name in names
    }
    check("functions", found | {f"HeapHook.{name}": parameters(getattr(HeapHook, name)) for name in METHODS})


def test_exceptions_keep_their_names_and_whether_airflow_retries():
    ours = {
        name: one
        for name, one in vars(exceptions).items()
        if isinstance(one, type) and one.__module__ == exceptions.__name__
    }
    assert sorted(ours) == CLASSES["airflow_provider_heap.exceptions"]
    assert all(issubclass(one, exceptions.HeapError) for one in ours.values())
    assert issubclass(exceptions.GateError, exceptions.ModelError)
    assert {name for name, one in ours.items() if not issubclass(one, AirflowFailException)} == {
        "HeapError",
        "HeapUnavailableError",
        "ModelUnavailableError",
        "StateError",
        "SyncRunningError",
        "SyncStoppedError",
    }


def test_operators_and_models_keep_their_templated_fields():
    classes = {
        one.__name__: one
        for one in [
            HeapAccountSyncOperator,
            HeapUserSyncOperator,
            HeapEventSyncOperator,
            HeapRedriveOperator,
            Constant,
            SqlModel,
            DbtModel,
            DbtCloudArtifacts,
            LookerLook,
        ]
    }
    check("templated", {name: sorted(one.template_fields) for name, one in classes.items()})
    assert list(HeapUserSyncOperator.template_ext) == [".sql"]


def test_the_provider_info_stays():
    check("provider info", get_provider_info())
