"""Reports keep their keys and the order of the keys."""

from __future__ import annotations

import pytest

from airflow_provider_heap.exceptions import GuardError, ModelError, TooManyRejectedError
from airflow_provider_heap.hooks.heap import HeapHook
from airflow_provider_heap.operators.heap import HeapRedriveOperator
from tests.golden.expectations import DRY, DRY_WITH_STATE, ORDERS, PEOPLE, PLAIN, WITH_STATE, event, text, user


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


SYNC = {
    "name": "golden",
    "object": "user",
    "behaviour": "update or create",
    "mode": "send",
    "source": "Table",
    "target": {
        "app_id": "2388822444",
        "region": "us",
        "host": "http://heap.invalid",
        "connection": "heap_default",
    },
    "key": {"field": "identity", "columns": ["identity"]},
    "fields": [["identity", "identity"]],
    "properties": [["plan", "plan"], ["seats", "seats"]],
    "properties_left_out": 0,
    "signature": "1:dd216ab9e40d41e9",
    "guards": {"min_rows": 1},
    "max_rejected": 0,
    "state": {"table": "heap_sync_state", "connection": "state", "full_sync": False, "new_keys": 3},
    "items_a_minute": None,
}


def test_a_report_says_what_was_synced(heap, state, run):
    assert text(run(user(PEOPLE, state_conn_id="state", min_rows=1))["sync"]) == text(SYNC)


def test_the_report_of_a_failure_and_of_a_dry_run_say_it_too(heap, state, run, ti):
    sync = user(PEOPLE, state_conn_id="state", min_rows=1, dry_run=True)
    assert run(sync)["sync"] == {**SYNC, "mode": "dry_run"}
    heap.faults.refuse = frozenset({"42"})
    with pytest.raises(TooManyRejectedError) as raised:
        run(user(PEOPLE, state_conn_id="state", min_rows=1))
    assert raised.value.report["sync"] == ti.xcom["report"]["sync"] == SYNC


def test_a_run_whose_query_fails_says_what_the_user_wrote(heap, run, ti):
    with pytest.raises(ModelError, match="no such column"):
        run(event(ORDERS, event_column="name", properties={"Total": "sum"}))
    sync = ti.xcom["report"]["sync"]
    assert (sync["key"]["columns"], sync["properties"]) == (["name", "id"], [["Total", "sum"]])
    assert sync["signature"] is None


def test_hook_and_redrive_return_the_same_keys(heap, run):
    assert list(HeapHook().add_user_properties([{"identity": "a", "properties": {"x": 1}}])) == PLAIN
    assert list(run(HeapRedriveOperator(task_id="task", path=""))) == PLAIN
