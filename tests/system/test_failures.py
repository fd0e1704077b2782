"""The failure table of design.md, line by line, through an operator and real HTTP."""

from __future__ import annotations

import json
import logging
import socket
import threading
from pathlib import Path

import pytest

from airflow_provider_heap.exceptions import (
    HeapConfigurationError,
    HeapRefusedError,
    HeapUnavailableError,
    ModelError,
    TooManyRejectedError,
)
from airflow_provider_heap.operators.heap import HeapEventSyncOperator, HeapUserSyncOperator
from airflow_provider_heap.sandbox import Faults
from tests.waiting import wait_until


def users(**options):
    options = {"model": "select * from users order by n", "sql_conn_id": "warehouse", "identity": "email", **options}
    return HeapUserSyncOperator(task_id="sync", **options)


def adds_up(report):
    return report["read"] == report["unchanged"] + report["invalid"] + report["rejected"] + report["sent"]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_transient_answer_is_retried_with_the_same_bytes(heap_sandbox, warehouse, run, status):
    warehouse.users(2500)
    heap_sandbox.faults = Faults(status=status, every=2)
    report = run(users())
    assert report["sent"] == report["read"] == len(heap_sandbox.users) == 2500
    assert report["requests"] == len(heap_sandbox.requests) > 3
    sizes = {request.size for request in heap_sandbox.requests}
    assert len(sizes) <= 3


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_cut_connection_is_retried_and_events_count_once(heap_sandbox, warehouse, run, moment):
    warehouse.users(2500)
    heap_sandbox.faults = Faults(reset=moment, every=2)
    operator = HeapEventSyncOperator(
        task_id="sync",
        model="select * from users",
        sql_conn_id="warehouse",
        identity="email",
        insert_id="n",
        event="Seen",
        timestamp=None,
    )
    report = run(operator)
    assert report["sent"] == 2500
    assert sorted(event["properties"]["seats"] for event in heap_sandbox.events) == list(range(1, 2501))


def test_a_server_that_stays_away_is_unavailable_after_eight_tries(heap_sandbox, warehouse, run, ti):
    warehouse.users(10)
    heap_sandbox.faults = Faults(status=503)
    with pytest.raises(HeapUnavailableError, match="answered 503 on every try; 0 rows had arrived") as error:
        run(users())
    assert len(heap_sandbox.requests) == 8
    assert len({request.size for request in heap_sandbox.requests}) == 1
    assert error.value.report == ti.xcom["report"]
    assert error.value.report["requests"] == 8
    assert adds_up(error.value.report)


def test_a_port_where_nobody_listens_is_unavailable(warehouse, run, monkeypatch):
    warehouse.users(10)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    connection = {"conn_type": "heap", "login": "1", "host": f"http://127.0.0.1:{port}"}
    monkeypatch.setenv("AIRFLOW_CONN_HEAP_DEFAULT", json.dumps(connection))
    with pytest.raises(HeapUnavailableError, match="could not be reached"):
        run(users())


def test_retry_after_holds_all_requests(heap_sandbox, warehouse, run):
    warehouse.users(4000)
    heap_sandbox.faults = Faults(status=429, every=1, times=1, retry_after=1)
    assert run(users(concurrency=1))["sent"] == 4000
    first, second = heap_sandbox.requests[:2]
    assert first.status == 429
    assert second.at - first.at >= 1


@pytest.mark.parametrize("concurrency", [1, 4])
def test_one_poisonous_item_does_not_block_the_rest(heap_sandbox, warehouse, run, tmp_path, concurrency):
    warehouse.users(5000)
    heap_sandbox.faults = Faults(refuse={"u1700@example.com"}, refuse_status=500)
    report = run(users(max_rejected=1, rejects_path=str(tmp_path), concurrency=concurrency))
    assert report["reasons"] == {"http_500": 1}
    assert report["sent"] == len(heap_sandbox.users) == 4999
    [line] = Path(report["rejects"]).read_text().splitlines()
    assert json.loads(line)["item"]["identity"] == "u1700@example.com"


@pytest.mark.parametrize("status", [400, 413, 422])
def test_refused_items_are_found_and_the_rest_arrives(heap_sandbox, warehouse, run, tmp_path, status):
    warehouse.users(3000)
    refused = {f"u{n}@example.com" for n in (1, 2, 1500, 2999, 3000)}
    heap_sandbox.faults = Faults(refuse=refused, refuse_status=status)
    report = run(users(max_rejected=5, rejects_path=str(tmp_path)))
    assert report["rejected"] == 5
    assert report["sent"] == len(heap_sandbox.users) == 2995
    assert report["reasons"] == {f"http_{status}": 5}
    lines = [json.loads(line) for line in Path(report["rejects"]).read_text().splitlines()]
    assert {line["row"] for line in lines} == {1, 2, 1500, 2999, 3000}
    assert {line["item"]["identity"] for line in lines} == refused
    assert {line["answer"] for line in lines} == {"told to refuse a key of this request"}


def test_a_request_that_is_too_large_is_halved(heap_sandbox, warehouse, run):
    warehouse.table("users", [{"email": f"u{n}@example.com", "n": n, "bio": "x" * 1000} for n in range(500)])
    heap_sandbox.faults = Faults(max_bytes=100_000)
    assert run(users())["sent"] == len(heap_sandbox.users) == 500


def test_no_request_is_larger_than_five_megabytes_to_begin_with(heap_sandbox, warehouse, run):
    row = {f"c{n}": "x" * 1000 for n in range(10)}
    warehouse.table("users", [{"email": f"u{n}@example.com", "n": n, **row} for n in range(1500)])
    assert run(users())["sent"] == 1500
    sizes = [request.size for request in heap_sandbox.requests]
    assert max(sizes) <= 5_000_000
    assert len(sizes) == 4


@pytest.mark.parametrize(("rows", "concurrency"), [(25, 4), (5000, 1), (5000, 16)])
def test_a_heap_that_refuses_everything_is_found_out_within_100_requests(
    heap_sandbox, warehouse, run, ti, rows, concurrency
):
    warehouse.users(rows)
    heap_sandbox.faults = Faults(status=400)
    with pytest.raises(HeapRefusedError, match="look at App ID") as error:
        run(users(concurrency=concurrency, max_rejected=10_000))
    assert len(heap_sandbox.requests) <= 100
    assert error.value.report["rejected"] == 20
    assert adds_up(error.value.report)


def test_a_bad_beginning_is_not_taken_for_a_heap_that_refuses_everything(heap_sandbox, warehouse, run):
    warehouse.users(3000)
    heap_sandbox.faults = Faults(refuse={f"u{n}@example.com" for n in range(1, 101)})
    report = run(users(max_rejected=100, concurrency=1))
    assert (report["rejected"], report["sent"]) == (100, 2900)
    assert len(heap_sandbox.users) == 2900


def test_halving_stops_early_when_far_too_much_is_refused(heap_sandbox, warehouse, run, ti):
    warehouse.users(6000)
    heap_sandbox.faults = Faults(refuse={f"u{n}@example.com" for n in range(2, 6001, 2)})
    with pytest.raises(TooManyRejectedError) as error:
        run(users())
    report = error.value.report
    assert report["read"] == 6000
    assert adds_up(report)
    assert report["sent"] == len(heap_sandbox.users)
    # Each of 6000 items alone, and all the halves above them, would be twice as many.
    assert report["requests"] < 6000


@pytest.mark.parametrize("status", [301, 302, 401, 403, 404, 405])
def test_an_address_that_is_not_heaps_is_a_matter_of_configuration(heap_sandbox, warehouse, run, status):
    warehouse.users(5)
    heap_sandbox.faults = Faults(status=status)
    with pytest.raises(HeapConfigurationError, match=f"answered {status}"):
        run(users())
    assert len(heap_sandbox.requests) == 1


@pytest.mark.parametrize("status", [302, 403, 404])
def test_the_same_status_later_counts_like_a_refusal(heap_sandbox, warehouse, run, status):
    warehouse.users(2000)
    heap_sandbox.faults = Faults(refuse={"u1999@example.com"}, refuse_status=status)
    report = run(users(max_rejected=1, concurrency=1))
    assert report["reasons"] == {f"http_{status}": 1}
    assert report["sent"] == 1999


@pytest.mark.parametrize(
    ("max_rejected", "fails"),
    [(0, True), (1, True), (2, False), ("2", False), (0.1, True), (0.2, False), ("0.2", False)],
)
def test_max_rejected_is_a_count_or_a_share(heap_sandbox, warehouse, run, max_rejected, fails):
    warehouse.table("users", [{"email": None if n in (3, 5) else f"u{n}@x.com", "n": n} for n in range(10)])
    if not fails:
        assert run(users(max_rejected=max_rejected))["invalid"] == 2
        return
    with pytest.raises(TooManyRejectedError, match=r"2 invalid and 0 rejected of 10 rows.*identity_null 2") as error:
        run(users(max_rejected=max_rejected))
    assert error.value.report["sent"] == len(heap_sandbox.users) == 8


def test_invalid_rows_are_kept_with_their_columns(heap_sandbox, warehouse, run, tmp_path, ti):
    warehouse.table("users", [{"email": None, "n": 1, "raw": b"\xff"}, {"email": "ada", "n": 2, "raw": None}])
    report = run(users(max_rejected=1, rejects_path=f"file://{tmp_path}/rejects"))
    assert report["rejects"].endswith(f"rejects/dag/task/{ti.run_id}/try-1.jsonl")
    [line] = Path(report["rejects"].removeprefix("file://")).read_text().splitlines()
    assert json.loads(line) == {
        "row": 1,
        "kind": "invalid",
        "reason": "identity_null",
        "column": "email",
        "values": {"email": None, "n": 1, "raw": "base64:/w=="},
    }


def test_an_empty_model_sends_nothing_and_succeeds(heap_sandbox, warehouse, run):
    warehouse.users(1)
    report = run(users(model="select * from users where n > 5"))
    assert report["read"] == 0
    assert report["rejects"] is None
    assert heap_sandbox.requests == []


def test_an_error_of_the_database_halfway_leaves_what_was_acknowledged_counted(heap_sandbox, warehouse, run, ti):
    warehouse.users(5000)
    sql = "select email, n, case when n > 4500 then abs(-9223372036854775807 - 1) else 1 end as x from users order by n"
    with pytest.raises(Exception, match="overflow"):
        run(users(model=sql, fetch_size=1000))
    assert ti.xcom["report"]["sent"] == len(heap_sandbox.users)
    assert adds_up(ti.xcom["report"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "delete from users"}, "would write"),
        ({"sql_conn_id": None}, "sql_conn_id is missing"),
        ({"sql_conn_id": "unknown_type"}, "'unknown_type' of type 'abacus' gives no hook.*install the provider"),
        ({"sql_conn_id": "heap_default"}, "'heap_default' gives a HeapHook, not a DbApiHook"),
        ({"properties": {"Plan": "nope"}}, "'nope'"),
        ({"properties": {"ID": "n"}}, "does not allow"),
        ({"batch_size": 1001}, "batch_size must be 1 to 1000"),
        ({"batch_size": "many"}, "batch_size must be a whole number"),
        ({"concurrency": 0}, "concurrency must be"),
        ({"rate_limit": -1}, "rate_limit must be"),
        ({"max_rejected": -1}, "max_rejected must be"),
        ({"fetch_size": 0}, "fetch_size must be"),
    ],
)
def test_what_cannot_work_fails_before_anything_is_sent(heap_sandbox, warehouse, run, monkeypatch, options, message):
    monkeypatch.setenv("AIRFLOW_CONN_UNKNOWN_TYPE", '{"conn_type": "abacus"}')
    warehouse.users(5)
    with pytest.raises(ModelError, match=message):
        run(users(**options))
    assert heap_sandbox.requests == []


def test_items_of_one_user_arrive_in_order_whatever_the_concurrency(heap_sandbox, warehouse, run):
    warehouse.table("users", [{"email": f"u{n % 7}@x.com", "n": n} for n in range(3000)])
    heap_sandbox.faults = Faults(latency=0.01, status=500, every=3)
    run(users(concurrency=8, batch_size=50))
    assert {email: held["n"] for email, held in heap_sandbox.users.items()} == {
        f"u{n % 7}@x.com": n for n in range(2993, 3000)
    }


def test_no_key_and_no_value_of_a_row_is_logged(heap_sandbox, warehouse, run, caplog, capsys):
    caplog.set_level(logging.INFO)
    warehouse.table("users", [{"email": f"secret{n}@x.com", "n": n, "bio": "hidden" * 200} for n in range(50)])
    warehouse.table("more", [{"email": None, "bio": b"hidden"}])
    heap_sandbox.faults = Faults(refuse={"secret1@x.com"})
    run(users(max_rejected=5, model="select email, n, bio from users union all select email, 0, bio from more"))
    heap_sandbox.faults = Faults(status=400)
    with pytest.raises(HeapRefusedError) as error:
        run(users())
    said = caplog.text + capsys.readouterr().out + str(error.value)
    assert "is invalid: identity_null (column 'email')" in said
    assert "secret" not in said
    assert "hidden" not in said


def test_no_thread_is_left_after_a_run(heap_sandbox, warehouse, run):
    warehouse.users(3000)
    run(users())
    wait_until(
        "that no thread is left",
        lambda: not any(thread.name.startswith("heap-delivery") for thread in threading.enumerate()),
    )
