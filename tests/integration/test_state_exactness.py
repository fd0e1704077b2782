"""Whatever happens, the next run that succeeds leaves Heap equal to the source."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from airflow_provider_heap.exceptions import (
    HeapUnavailableError,
    SyncRunningError,
    TooManyRejectedError,
)
from airflow_provider_heap.operators.heap import (
    HeapRedriveOperator,
)
from airflow_provider_heap.sandbox import Faults
from airflow_provider_heap.sync.plan import Holder
from airflow_provider_heap.sync.state import lease
from airflow_provider_heap.sync.state.lease import Lease
from airflow_provider_heap.sync.state.state_key import StateKey, fingerprints
from airflow_provider_heap.sync.stop_signal import StopSignal
from tests.integration.test_state import counts, users


def people(**values):
    """Write a model of users with these values."""
    return " union all ".join(f"select '{name}' as email, {value} as n" for name, value in values.items())


def in_heap(heap_sandbox):
    return {name: user["n"] for name, user in heap_sandbox.users.items()}


def test_a_value_that_went_back_while_all_answers_were_lost_is_sent_again(heap_sandbox, warehouse, run, state):
    run(users(people(a=1, b=1), **state))
    heap_sandbox.faults = Faults(reset="after")
    with pytest.raises(HeapUnavailableError):
        run(users(people(a=2, b=1), **state))
    assert in_heap(heap_sandbox) == {"a": 2, "b": 1}
    heap_sandbox.faults = Faults()
    assert counts(run(users(people(a=1, b=1), **state))) == {"read": 2, "unchanged": 1, "sent": 1, "requests": 1}
    assert in_heap(heap_sandbox) == {"a": 1, "b": 1}


def test_a_value_that_went_back_after_its_row_was_rejected_is_sent_again(heap_sandbox, warehouse, run, local_state):
    run(users(people(a=1, b=1), **local_state))
    heap_sandbox.faults = Faults(refuse={"a"})
    with pytest.raises(TooManyRejectedError):
        run(users(people(a=2, b=2), **local_state))
    heap_sandbox.faults = Faults()
    assert run(users(people(a=1, b=2), **local_state))["sent"] == 1


def test_an_item_that_was_tried_ahead_of_its_batch_is_sent_again(heap_sandbox, warehouse, run, local_state):
    rows = {f"u{number}": 1 for number in range(60)}
    run(users(people(**rows), **local_state))
    # Heap refuses the first twenty one by one, so others are tried; then it goes away.
    heap_sandbox.faults = Faults(refuse={f"u{number}" for number in range(30)})
    tried = []

    def go_away(request):
        if len(request.items) == 1 and request.taken:
            tried.append(request.items[0]["identity"])
            heap_sandbox.faults = Faults(reset="before")

    heap_sandbox._on_request = go_away
    with pytest.raises(HeapUnavailableError):
        run(users(people(**dict.fromkeys(rows, 2)), batch_size=20, concurrency=1, **local_state))
    assert tried
    heap_sandbox._on_request, heap_sandbox.faults = None, Faults()
    run(users(people(**rows), **local_state))
    assert in_heap(heap_sandbox) == rows


def test_items_of_a_rejects_file_that_are_older_than_the_source_are_overwritten(
    heap_sandbox, warehouse, run, local_state, tmp_path
):
    run(users(people(a=1), **local_state))
    heap_sandbox.faults = Faults(refuse={"a"})
    with pytest.raises(TooManyRejectedError) as raised:
        run(users(people(a=2), rejects_path=str(tmp_path / "rejects"), **local_state))
    heap_sandbox.faults = Faults()
    run(users(people(a=3), **local_state))
    heap_sandbox.faults = Faults(reset="after")
    redrive = HeapRedriveOperator(task_id="redrive", path=raised.value.report["rejects"], **local_state)
    with pytest.raises(HeapUnavailableError):
        run(redrive)
    assert in_heap(heap_sandbox) == {"a": 2}
    heap_sandbox.faults = Faults()
    assert run(users(people(a=3), **local_state))["sent"] == 1
    assert in_heap(heap_sandbox) == {"a": 3}


def take_over(operator, values):
    """Do what another run does while the operator's stands still for over a minute."""
    store, key = operator.open_store(), StateKey.of(operator.plan({}))
    table = store.tables.holders
    with store.engine.begin() as connection:
        connection.execute(sa.update(table).values(renewed_at=table.c.renewed_at - 61_000))
    other = Lease(store, key, Holder("dag/other"), StopSignal())
    other.acquire()
    bodies = [json.dumps({"identity": name, "properties": {"n": n}}).encode() for name, n in values.items()]
    store.record(key.id, dict(zip(key.key_hashes([*values]), fingerprints(bodies), strict=True)), 1, other.fence)
    other.release()
    store.engine.dispose()


@pytest.mark.parametrize("known", [True, False])
def test_a_run_that_stood_still_while_another_had_the_sync_stops_before_its_next_request(
    heap_sandbox, warehouse, run, state, known
):
    values = {"a": 1, "b": 1, "c": 1}
    if known:
        run(users(people(**values), **state))
        heap_sandbox.requests.clear()
    operator = users(people(a=2, b=2, c=2), batch_size=1, concurrency=1, **state)
    heap_sandbox._on_request = lambda request: request.number == 1 and take_over(operator, {"a": 3, "b": 3})
    with pytest.raises(SyncRunningError, match="given to another run meanwhile"):
        run(operator)
    heap_sandbox._on_request = None
    assert [request.items[0]["identity"] for request in heap_sandbox.requests] == ["a"]
    # It sent an older value for "a", and cannot know whether the other run did so before or after it.
    assert run(users(people(a=3, b=3, c=3), **state))["sent"] >= 2
    assert in_heap(heap_sandbox)["a"] == 3


def test_a_try_whose_hold_is_gone_while_it_waits_for_heap_makes_no_further_request(heap_sandbox, warehouse, run, state):
    operator = users(people(a=2, b=2), batch_size=1, concurrency=1, **state)
    heap_sandbox.faults = Faults(status=503, times=1)
    heap_sandbox._on_request = lambda request: take_over(operator, {"a": 3})
    with pytest.raises(SyncRunningError, match="given to another run meanwhile"):
        run(operator)
    assert len(heap_sandbox.requests) == 1
    assert heap_sandbox.users == {}


def test_a_run_that_stood_still_between_two_tries_of_a_request_makes_no_further_try(
    heap_sandbox, warehouse, run, local_state, monkeypatch
):
    heap_sandbox.faults = Faults(status=503)
    clocks = lease._clocks

    def stand_still(request):
        monkeypatch.setattr(lease, "_clocks", lambda: tuple(seconds + 61 for seconds in clocks()))

    heap_sandbox._on_request = stand_still
    with pytest.raises(SyncRunningError, match="not renewed for 61 s"):
        run(users(people(a=1), **local_state))
    assert len(heap_sandbox.requests) == 1
