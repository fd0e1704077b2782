"""Reason codes, rejects files and the paths of a dry run stay what they are."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from airflow_provider_heap.exceptions import TooManyRejectedError
from airflow_provider_heap.hooks.heap import HeapHook
from airflow_provider_heap.operators.heap import HeapAccountSyncOperator, HeapRedriveOperator, RowTemplate
from tests.golden.expectations import EXPECTED, MOMENT, ORDERS, PEOPLE, RUN, WITH_STATE, Table, check, event, user


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
