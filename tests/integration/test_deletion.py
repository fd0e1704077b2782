"""People who are to be forgotten: asked for once, waited for, provable; whatever fails meanwhile."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from airflow.providers.common.compat.sdk import AirflowException, TaskDeferred

from airflow_provider_heap.exceptions import (
    GuardError,
    HeapConfigurationError,
    HeapRefusedError,
    ModelError,
    TooManyRejectedError,
)
from airflow_provider_heap.operators.heap import HeapRedriveOperator, HeapUserDeletionOperator, HeapUserSyncOperator
from airflow_provider_heap.sandbox import Faults

PEOPLE = 25_000


@pytest.fixture
def people(warehouse):
    """Make a table of people who asked to be forgotten."""

    def make(*emails, **columns):
        warehouse.run("drop table if exists erasures")
        warehouse.table("erasures", [{"email": email, **columns} for email in emails])

    return make


@pytest.fixture
def state(tmp_path, monkeypatch):
    """The connection ``state``, and a way to look at its tables."""
    import sqlite3

    path = tmp_path / "state.db"
    monkeypatch.setenv("AIRFLOW_CONN_STATE", json.dumps({"conn_type": "sqlite", "host": str(path)}))

    def query(sql):
        with sqlite3.connect(path) as connection:
            return connection.execute(sql).fetchall()

    return query


@pytest.fixture
def logged(caplog, capsys):
    """Return everything that was logged so far, by whichever logger of Airflow or its libraries."""
    caplog.set_level(logging.DEBUG)
    return lambda: "\n".join((caplog.text, *capsys.readouterr()))


def deletion(**values):
    values = {"identity": "email", "max_rows": 100_000, "state_conn_id": "state", **values}
    return HeapUserDeletionOperator(
        task_id="erase", model="select email from erasures", sql_conn_id="warehouse", poll_interval=0.01, **values
    )


def wait(deferred, operator, ti):
    """Do what a triggerer and the worker after it do."""

    async def first_event():
        return await anext(type(deferred.trigger)(**deferred.trigger.serialize()[1]).run())

    event = asyncio.run(first_event())
    return getattr(operator, deferred.method_name)({"ti": ti}, event=event.payload, **deferred.kwargs)


def erase(run, ti, operator):
    """Run an operator to its end."""
    try:
        return run(operator)
    except TaskDeferred as deferred:
        return wait(deferred, operator, ti)


def asked_for(sandbox):
    """The people who were asked for, in order, with repetitions."""
    return [item["identity"] for request in sandbox.requests if request.taken for item in request.items]


def test_25000_people_go_in_three_requests_and_a_rerun_asks_for_nobody(heap_sandbox, people, state, run, ti, warehouse):
    people(*(f"u{n}@x.com" for n in range(PEOPLE)))
    heap_sandbox.deletions.pending = 0.2
    report = erase(run, ti, deletion())
    assert (report["read"], report["sent"], report["unchanged"]) == (PEOPLE, PEOPLE, 0)
    assert [len(request.items) for request in heap_sandbox.requests] == [10_000, 10_000, 5_000]
    assert report["deletion_requests"] == [*heap_sandbox.deletions.requests]
    assert state(
        "select users, status, completed_at >= requested_at from heap_sync_state_deletions order by users"
    ) == [
        (5_000, "complete", 1),
        (10_000, "complete", 1),
        (10_000, "complete", 1),
    ]
    again = erase(run, ti, deletion())
    assert (again["unchanged"], again["sent"], again["deletion_requests"]) == (PEOPLE, 0, [])
    assert len(heap_sandbox.requests) == 3


def test_a_rerun_asks_only_for_new_people(heap_sandbox, people, state, run, ti, warehouse):
    people("ada", "bob")
    erase(run, ti, deletion(wait=False))
    people("bob", "eve", "ada", "eve")
    report = erase(run, ti, deletion(wait=False))
    assert (report["read"], report["unchanged"], report["sent"], report["duplicate_keys"]) == (4, 3, 1, 1)
    assert asked_for(heap_sandbox) == ["ada", "bob", "eve"]


def test_without_state_nobody_is_asked_for_twice_in_one_run(heap_sandbox, people, run, ti):
    people(*("ada", "bob") * 1500, "eve")
    report = erase(run, ti, deletion(state_conn_id=None, wait=False))
    assert (report["read"], report["unchanged"], report["sent"], report["duplicate_keys"]) == (3001, 2998, 3, 2)
    assert asked_for(heap_sandbox) == ["ada", "bob", "eve"]


def test_without_waiting_the_ids_of_the_requests_are_returned_and_a_later_run_waits_for_them(
    heap_sandbox, people, state, run, ti
):
    people("ada")
    report = run(deletion(wait=False))
    assert report["deletion_requests"] == [*heap_sandbox.deletions.requests]
    assert state("select status from heap_sync_state_deletions") == [("pending",)]
    with pytest.raises(TaskDeferred) as deferred:
        run(deletion())
    assert deferred.value.trigger.request_ids == report["deletion_requests"]
    heap_sandbox.deletions.pending = 0
    wait(deferred.value, deletion(), ti)
    assert state("select status from heap_sync_state_deletions") == [("complete",)]


def test_tokens_that_expire_and_failures_of_heap_lose_nobody(heap_sandbox, people, state, run, ti):
    people(*(f"u{n}@x.com" for n in range(1000)))
    heap_sandbox.faults = Faults(status=500, every=3)
    heap_sandbox.deletions.pending = 0

    def forget_tokens(request):
        if request.number % 2:
            heap_sandbox.deletions.tokens.clear()

    heap_sandbox._on_request = forget_tokens
    report = erase(run, ti, deletion(batch_size=50))
    assert report["sent"] == 1000
    asked = asked_for(heap_sandbox)
    assert (len(asked), len(set(asked))) == (1000, 1000)
    assert state("select count(*) from heap_sync_state_deletions where status = 'complete'") == [(20,)]


def test_a_worker_that_died_before_it_recorded_asks_again_and_waits_for_both(
    heap_sandbox, people, state, run, ti, monkeypatch
):
    people("ada", "bob")
    heap_sandbox.faults = Faults(reset="after", every=2, times=1)  # the first one is for the token
    report = erase(run, ti, deletion(wait=False))
    assert asked_for(heap_sandbox) == ["ada", "bob"] * 2
    assert (report["sent"], len(report["deletion_requests"])) == (2, 1)


def test_a_guard_keeps_everybody(heap_sandbox, people, state, run):
    people("ada", "bob")
    with pytest.raises(GuardError, match="Nothing was sent"):
        run(deletion(max_rows=1))
    assert heap_sandbox.requests == []


@pytest.mark.parametrize("max_rows", [None, "", "None"])
def test_max_rows_cannot_be_left_empty(heap_sandbox, people, run, max_rows):
    people("ada")
    with pytest.raises(ModelError, match="max_rows is missing"):
        run(deletion(max_rows=max_rows))


def test_max_rows_cannot_be_left_out():
    with pytest.raises((TypeError, AirflowException), match="max_rows"):  # Airflow 2 has a check of its own
        HeapUserDeletionOperator(task_id="erase", model="select 1", sql_conn_id="warehouse", identity="email")


def test_a_dry_run_counts_and_asks_for_nobody(heap_sandbox, people, state, run, logged):
    people("ada@x.com", "bob@x.com")
    report = run(deletion(dry_run=True))
    assert (report["would_send"], report["deletion_requests"], report["requests"]) == (2, [], 1)
    assert (heap_sandbox.requests, heap_sandbox.deletions.tokens) == ([], {})
    assert "ada@x.com" not in logged()


def test_a_wrong_key_or_app_id_is_explained_and_never_retried(heap_sandbox, people, run, monkeypatch):
    people("ada")
    heap_sandbox.deletions.main_app_id = "999"
    with pytest.raises(HeapConfigurationError, match="Main Production environment: compare App ID 2388822444"):
        run(deletion(state_conn_id=None))
    connection = {"conn_type": "heap", "login": "2388822444", "host": heap_sandbox.url}
    monkeypatch.setenv("AIRFLOW_CONN_HEAP_DEFAULT", json.dumps(connection))
    with pytest.raises(HeapConfigurationError, match="the API key \\(password\\) is empty"):
        run(deletion(state_conn_id=None))


def test_an_unknown_person_is_no_fault_and_an_invalid_row_is_left_out(heap_sandbox, people, state, run, ti):
    people("nobody", None, " ")
    with pytest.raises(TooManyRejectedError, match="2 invalid") as error:
        run(deletion())
    assert error.value.report["reasons"] == {"identity_null": 1, "identity_blank": 1}
    assert asked_for(heap_sandbox) == ["nobody"]


def test_a_refused_person_is_rejected_and_can_be_redriven(heap_sandbox, people, state, run, ti, tmp_path):
    people("ada", "bob", "eve", "joe")
    heap_sandbox.faults = Faults(refuse=["eve"])
    with pytest.raises(TooManyRejectedError):
        run(deletion(rejects_path=str(tmp_path)))
    assert asked_for(heap_sandbox) == ["ada", "bob", "joe"]
    heap_sandbox.faults = Faults()
    report = run(HeapRedriveOperator(task_id="again", path=str(tmp_path), state_conn_id="state"))
    assert (report["sent"], asked_for(heap_sandbox)) == (1, ["ada", "bob", "joe", "eve"])
    assert run(deletion(wait=False))["unchanged"] == 4


@pytest.mark.parametrize(("status", "bad"), [(500, 1), (400, 25)])
def test_who_was_asked_for_to_find_out_whether_heap_works_is_not_asked_for_again(
    heap_sandbox, people, state, run, ti, status, bad
):
    emails = [f"u{n}@x.com" for n in range(60)]
    people(*emails)
    heap_sandbox.faults = Faults(refuse=frozenset(emails[:bad]), refuse_status=status)
    report = erase(run, ti, deletion(batch_size=20, max_rejected=bad))
    assert (report["sent"], report["rejected"]) == (60 - bad, bad)
    assert sorted(asked_for(heap_sandbox)) == sorted(emails[bad:])
    assert len(state("select * from heap_sync_state where fingerprint <> ''")) == 60 - bad


def test_when_heap_refuses_everything_the_task_fails_without_retry(heap_sandbox, people, run):
    people(*(f"u{n}" for n in range(100)))
    heap_sandbox.faults = Faults(refuse=[f"u{n}" for n in range(100)])
    with pytest.raises(HeapRefusedError):
        run(deletion(state_conn_id=None))


def test_people_can_be_named_by_heaps_own_id(heap_sandbox, warehouse, state, run, ti):
    warehouse.table("ids", [{"uid": 7}, {"uid": 2**53}])
    operator = HeapUserDeletionOperator(
        task_id="erase",
        model="select uid from ids",
        sql_conn_id="warehouse",
        user_id="uid",
        max_rows=10,
        max_rejected=1,
        state_conn_id="state",
        wait=False,
    )
    report = run(operator)
    assert (report["sent"], report["invalid"]) == (1, 1)
    assert report["sync"]["key"] == {"field": "user_id", "columns": ["uid"]}
    assert [request.items for request in heap_sandbox.requests] == [[{"user_id": "7"}]]


@pytest.mark.parametrize("names", [{}, {"identity": "email", "user_id": "email"}])
def test_exactly_one_column_names_the_person(heap_sandbox, people, run, names):
    people("ada")
    with pytest.raises(ModelError, match="Give exactly one of identity and user_id"):
        run(deletion(**{"identity": None, **names}))


def test_properties_are_refused(heap_sandbox, people, run):
    people("ada", plan="pro")
    with pytest.raises(ModelError, match="has no properties"):
        run(deletion(properties=["plan"], state_conn_id=None))


def test_the_first_line_says_who_is_deleted_where(heap_sandbox, people, state, run, logged):
    people("ada@x.com")
    with pytest.raises(TaskDeferred):
        run(deletion())
    [first, *_] = [line for line in logged().splitlines() if "Sync" in line]
    assert (
        "Sync adhoc_airflow.erase asks Heap to delete for good, from all environments of the account of App ID "
        "2388822444, the users that connection 'warehouse' names, at most 100,000, with their data"
    ) in first


def test_no_key_no_token_and_no_person_is_logged_or_kept(heap_sandbox, people, state, run, ti, logged):
    people("ada@x.com")
    heap_sandbox.deletions.pending = 0
    heap_sandbox.faults = Faults(status=500, every=2)
    with pytest.raises(TaskDeferred) as error:
        run(deletion())
    report = wait(error.value, deletion(), ti)
    tables = [state(f"select * from heap_sync_state{suffix}") for suffix in ("", "_syncs", "_deletions")]
    everything = "\n".join(map(str, (logged(), report, ti.xcom, error.value.trigger.serialize(), tables)))
    assert heap_sandbox.deletions.tokens
    assert "try 2 in" in everything
    for secret in ("ada@x.com", heap_sandbox.deletions.api_key, *heap_sandbox.deletions.tokens):
        assert secret not in everything


def test_a_deletion_that_heap_does_not_know_any_more_fails_the_task_once(heap_sandbox, people, state, run, ti):
    people(*(f"u{n}" for n in range(4)))
    with pytest.raises(TaskDeferred) as deferred:
        run(deletion(batch_size=2))
    heap_sandbox.deletions.pending = 0
    heap_sandbox.deletions.requests.pop([*heap_sandbox.deletions.requests][1])
    with pytest.raises(HeapConfigurationError, match="has no such request") as error:
        wait(deferred.value, deletion(), ti)
    assert error.value.report["sent"] == 4
    assert state("select status from heap_sync_state_deletions order by status") == [("complete",), ("unknown",)]
    report = erase(run, ti, deletion())
    assert (report["unchanged"], report["deletion_requests"]) == (4, [])


def test_erased_people_are_kept_out_of_a_sync_by_an_anti_join(heap_sandbox, warehouse, people, state, run):
    warehouse.table("people", [{"email": "ada", "plan": "pro"}, {"email": "bob", "plan": "pro"}])
    people("ada")
    run(deletion(wait=False))
    sync = HeapUserSyncOperator(
        task_id="users",
        model="""
            select email, plan from people p
            where not exists (select 1 from erasures e where e.email = p.email)
        """,
        sql_conn_id="warehouse",
        identity="email",
    )
    assert run(sync)["sent"] == 1
    assert heap_sandbox.users == {"bob": {"plan": "pro"}}
