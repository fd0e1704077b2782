"""Reports keep their keys and the order of the keys."""

from __future__ import annotations

import pytest

from airflow_provider_heap.exceptions import GuardError, TooManyRejectedError
from airflow_provider_heap.hooks.heap import HeapHook
from airflow_provider_heap.operators.heap import HeapRedriveOperator
from tests.golden.expectations import DRY, DRY_WITH_STATE, PEOPLE, PLAIN, WITH_STATE, user


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
