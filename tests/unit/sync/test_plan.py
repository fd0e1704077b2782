"""A plan is checked when it is made, and its requests make use of what Heap's pace allows."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import EVENT, USER
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.plan import (
    CountOrShare,
    DeliverySettings,
    GuardSettings,
    RunMode,
    StateSettings,
    SyncPlan,
)

ENVIRONMENT = Environment.parse(app_id="2388822444", region="us", host=None, port=None, timeout=None, name="heap")


def plan(heap_object=EVENT, **values):
    return SyncPlan(heap_object, ENVIRONMENT, "people", "connection 'warehouse'", **values)


@pytest.mark.parametrize(
    ("batch_size", "rate_limit", "items"),
    [(1000, None, 1000), (700, None, 700), (900, None, 882), (1000, 2500, 833), (1000, 300, 300), (1000, 0, 1000)],
)
def test_requests_are_full_unless_that_leaves_much_of_a_minute_unused(batch_size, rate_limit, items):
    settings = DeliverySettings(batch_size=batch_size, rate_limit=rate_limit)
    assert plan(delivery=settings).items_per_request == items


def test_only_events_have_a_rate_limit_by_default():
    assert plan(EVENT).rate_limit == 15_000
    assert plan(EVENT).rate_limiter().person_limit == 1000
    assert plan(USER).rate_limit is None


def test_a_rate_limit_of_zero_turns_both_limits_off():
    free = plan(EVENT, delivery=DeliverySettings(rate_limit=0))
    assert free.rate_limit is None
    assert (free.rate_limiter().limit, free.rate_limiter().person_limit) == (None, None)


@pytest.mark.parametrize("mode", [RunMode.DRY_RUN, RunMode.ADOPT])
def test_what_sends_nothing_waits_for_nothing(mode):
    assert plan(EVENT, mode=mode).rate_limiter().limit is None


def test_another_run_of_the_same_sync_is_a_derived_plan_and_the_first_one_stays_as_it_is():
    first = plan()
    derived = replace(first, mode=RunMode.DRY_RUN)
    assert (first.mode, derived.mode) == (RunMode.SEND, RunMode.DRY_RUN)
    assert derived.title.startswith("Dry run of sync people: events (send) to")
    with pytest.raises(FrozenInstanceError):
        first.name = "others"


def test_max_changed_needs_state():
    guards = GuardSettings(max_changed=0.5)
    with pytest.raises(ModelError, match="set state_conn_id"):
        plan(guards=guards)
    assert plan(guards=guards, state=StateSettings("state", "table")).guards is guards


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 1001}, "batch_size must be 1 to 1000"),
        ({"concurrency": 0}, "concurrency must be at least 1"),
        ({"rate_limit": -1}, "rate_limit must be 0"),
        ({"max_rejected": float("inf")}, "max_rejected must be 0 or more"),
    ],
)
def test_a_number_out_of_its_range_is_refused(settings, message):
    with pytest.raises(ModelError, match=message):
        DeliverySettings(**settings)


@pytest.mark.parametrize(
    ("guards", "message"),
    [
        ({"min_rows": -1}, "min_rows must be 0 or more"),
        ({"min_rows": 2, "max_rows": 1}, "no model can satisfy both"),
        ({"max_null": {"Plan": 2}}, "found 2 for 'Plan'"),
    ],
)
def test_a_guard_that_nothing_can_satisfy_is_refused(guards, message):
    with pytest.raises(ModelError, match=message):
        GuardSettings(**guards)


@given(rows=st.integers(1, 1000), data=st.data())
def test_a_share_as_somebody_types_it_is_never_exceeded_by_that_many_rows(rows, data):
    count = data.draw(st.integers(0, rows))
    share = float(repr(count / rows))
    limit = CountOrShare(share if share < 1 else rows)
    assert not limit.exceeded(count, rows)
    assert limit.exceeded(count + 1, rows)


@pytest.mark.parametrize(("limit", "count", "rows"), [(0.29, 29, 100), (0.57, 57, 100), (0.07, 7, 100), (3, 3, 5)])
def test_the_limit_itself_is_tolerated_and_one_row_more_is_not(limit, count, rows):
    assert not CountOrShare(limit).exceeded(count, rows)
    assert CountOrShare(limit).exceeded(count + 1, rows)


def test_all_shares_of_up_to_1000_rows_hold_at_their_edge_when_typed_with_two_digits():
    for percent in range(1, 100):
        share = percent / 100
        for rows in range(100, 1001, 100):
            assert not CountOrShare(share).exceeded(percent * rows // 100, rows)
            assert CountOrShare(share).exceeded(percent * rows // 100 + 1, rows)
