"""What Heap refused is sent again, byte for byte, once the cause is gone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_provider_heap.api.client import HeapClient
from airflow_provider_heap.exceptions import ModelError, TooManyRejectedError
from airflow_provider_heap.operators.heap import HeapEventSyncOperator, HeapRedriveOperator, HeapUserSyncOperator
from airflow_provider_heap.sandbox import Faults

REFUSED = {"u7@example.com", "u9@example.com", "u2100@example.com"}


@pytest.fixture
def state(tmp_path, monkeypatch):
    """The parameters of an operator that keeps its state in SQLite."""
    connection = {"conn_type": "sqlite", "host": str(tmp_path / "state.db")}
    monkeypatch.setenv("AIRFLOW_CONN_STATE", json.dumps(connection))
    return {"state_conn_id": "state"}


@pytest.fixture
def rejects(tmp_path):
    """The folder of the rejects files."""
    return tmp_path / "rejects"


def users(rejects, model="select * from users", **parameters):
    return HeapUserSyncOperator(
        task_id="sync",
        model=model,
        sql_conn_id="warehouse",
        identity="email",
        sync_name="people",
        rejects_path=str(rejects),
        max_rejected=10,
        **parameters,
    )


def again(path, **parameters):
    return HeapRedriveOperator(task_id="again", path=str(path), **parameters)


@pytest.fixture
def refused(heap_sandbox, warehouse, run, rejects):
    """Run a sync of which Heap refuses three users, while one more is invalid; return its report."""

    def execute(**parameters):
        warehouse.users(2500)
        heap_sandbox.faults = Faults(refuse=REFUSED)
        model = "select * from users union all select null, 'free', 0, 0"
        report = run(users(rejects, model, **parameters))
        assert (report["rejected"], report["invalid"], report["sent"]) == (3, 1, 2497)
        heap_sandbox.faults = Faults()
        return report

    return execute


def test_a_rejects_file_arrives_byte_for_byte_after_the_cause_is_gone(
    heap_sandbox, run, refused, rejects, monkeypatch, capsys
):
    report = refused()
    assert not REFUSED & set(heap_sandbox.users)
    sent, call = [], HeapClient._call
    monkeypatch.setattr(HeapClient, "_call", lambda self, *request: sent.append(request[2]) or call(self, *request))
    found = run(again(report["rejects"]))
    assert (found["read"], found["sent"], found["requests"]) == (3, 3, 1)
    assert set(heap_sandbox.users) >= REFUSED
    raw = Path(report["rejects"]).read_bytes().splitlines()
    items = [line.partition(b'"item":')[2].partition(b',"answer":')[0] for line in raw if b'"item":' in line]
    assert sent == [b'{"app_id":"2388822444","users":[' + b",".join(items) + b"]}"]
    assert "Not sent: 1 invalid row of" in (told := "".join(capsys.readouterr()))
    assert "never became an item" in told


def test_with_state_what_heap_takes_is_recorded_for_its_sync(heap_sandbox, run, refused, rejects, state):
    report = refused(**state)
    assert run(again(report["rejects"], **state))["sent"] == 3
    assert run(users(rejects, **state))["unchanged"] == 2500
    # What a later run has brought already is not sent again.
    assert run(again(report["rejects"], **state))["unchanged"] == 3


@pytest.mark.parametrize(
    ("chosen", "arrived"),
    [
        ({"key": "u7@example.com"}, {"u7@example.com"}),
        ({"key": ["u7@example.com", "u9@example.com", "nobody"]}, {"u7@example.com", "u9@example.com"}),
        ({"reason": "http_400"}, REFUSED),
        ({"reason": ["http_413"]}, set()),
        ({"reason": "http_400", "key": "u9@example.com"}, {"u9@example.com"}),
    ],
)
def test_only_those_of_a_reason_or_a_key_are_sent(heap_sandbox, run, refused, rejects, chosen, arrived):
    report = refused()
    assert run(again(report["rejects"], **chosen))["sent"] == len(arrived)
    assert REFUSED & set(heap_sandbox.users) == arrived


def test_an_event_is_chosen_by_its_insert_id_or_its_idempotency_key(heap_sandbox, warehouse, run, rejects):
    warehouse.users(4)
    operator = HeapEventSyncOperator(
        task_id="sync",
        model="select * from users",
        sql_conn_id="warehouse",
        identity="email",
        insert_id="n",
        event="Seen",
        timestamp=None,
        rejects_path=str(rejects),
        max_rejected=4,
    )
    heap_sandbox.faults = Faults(refuse={"u1@example.com", "u2@example.com"})
    report = run(operator)
    heap_sandbox.faults = Faults()
    lines = [json.loads(line) for line in Path(report["rejects"]).read_text().splitlines()]
    assert run(again(report["rejects"], key="1"))["sent"] == 1
    assert run(again(report["rejects"], key=lines[1]["item"]["idempotency_key"]))["sent"] == 1
    assert len(heap_sandbox.events) == 4


def test_what_is_refused_again_is_kept_again_with_the_number_that_its_row_had(
    heap_sandbox, run, refused, rejects, tmp_path
):
    report = refused()
    heap_sandbox.faults = Faults(refuse={"u9@example.com"})
    with pytest.raises(TooManyRejectedError) as caught:
        run(again(report["rejects"], rejects_path=str(tmp_path / "second")))
    [line] = Path(caught.value.report["rejects"]).read_text().splitlines()
    assert {name: json.loads(line)[name] for name in ("row", "sync", "object")} == {
        "row": 9,
        "sync": "people",
        "object": "user",
    }
    heap_sandbox.faults = Faults()
    assert run(again(caught.value.report["rejects"]))["sent"] == 1


def test_a_folder_is_sent_whole_but_of_one_sync_at_a_time(heap_sandbox, run, refused, rejects, ti, warehouse):
    refused()
    ti.task_id = "other"
    heap_sandbox.faults = Faults(refuse={"u1@example.com"})
    other = users(rejects, "select * from users where n = 1 or n = 3")
    other.sync_name = "others"
    run(other)
    heap_sandbox.faults = Faults()
    with pytest.raises(ModelError, match=r"3 users of sync 'people'.*name one of the syncs with sync_name"):
        run(again(rejects))
    assert run(again(rejects, sync_name="others"))["sent"] == 1
    assert run(again(rejects / "dag" / "task"))["sent"] == 3


def test_a_dry_run_sends_none(heap_sandbox, run, refused):
    report = refused()
    assert run(again(report["rejects"], dry_run=True))["would_send"] == 3
    assert not REFUSED & set(heap_sandbox.users)


@pytest.mark.parametrize("path", ["", "None", None])
def test_a_report_without_rejects_leaves_nothing_to_do(heap_sandbox, run, path):
    report = run(HeapRedriveOperator(task_id="again", path=path))
    assert (report["read"], report["sent"]) == (0, 0)
    assert heap_sandbox.requests == []


def test_what_is_no_rejects_file_is_told_of(heap_sandbox, run, tmp_path):
    with pytest.raises(ModelError, match="There is no rejects file at"):
        run(again(tmp_path / "nothing"))
    (tmp_path / "a.jsonl").write_text('{"row":1,"kind":"invalid","reason":"x"}\n{"some":"json"}\n')
    with pytest.raises(ModelError, match=r"Line 2 of .*a\.jsonl is not a line of a rejects file"):
        run(again(tmp_path))
    (tmp_path / "a.jsonl").write_text(
        '{"row":1,"kind":"rejected","reason":"x","object":"user","item":{"account_id":1}}'
    )
    with pytest.raises(ModelError, match="Line 1 of"):
        run(again(tmp_path))
