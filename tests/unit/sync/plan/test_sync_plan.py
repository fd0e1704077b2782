"""A plan is checked when it is made, and its requests make use of what Heap's pace allows."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import EVENT, USER, USER_DELETION
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.plan import (
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


@pytest.mark.parametrize(("heap_object", "most"), [(EVENT, 1000), (USER, 1000), (USER_DELETION, 10_000)])
def test_a_request_has_from_one_item_to_as_many_as_heap_takes(heap_object, most):
    for size in (1, most):
        assert plan(heap_object, delivery=DeliverySettings(batch_size=size)).items_per_request == size
    for size in (0, most + 1):
        with pytest.raises(ModelError, match=f"batch_size must be 1 to {most}, the most that Heap takes; found {size}"):
            plan(heap_object, delivery=DeliverySettings(batch_size=size))
