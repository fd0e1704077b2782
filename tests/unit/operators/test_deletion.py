"""The operator that deletes users: one column names them, a limit is a must, and what it waits for."""

from __future__ import annotations

import pytest

from airflow_provider_heap.api.objects import USER_DELETION
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.operators.deletion import HeapUserDeletionOperator


def deletion(**parameters):
    defaults = {"model": "select 1", "sql_conn_id": "warehouse", "identity": "email", "max_rows": 10}
    return HeapUserDeletionOperator(task_id="erase", **{**defaults, **parameters})


@pytest.mark.parametrize(
    ("names", "fields", "key"),
    [
        ({"identity": "email"}, {"identity": "email"}, "7"),
        ({"identity": None, "user_id": "uid"}, {"user_id": "uid"}, "user_id\x1f7"),
    ],
)
def test_one_column_names_the_user_and_the_state_tells_ids_from_identities(names, fields, key):
    operator = deletion(**names)
    assert operator.item_fields() == fields
    assert operator.sync_key("7") == key
    assert operator.mapping().heap_object is USER_DELETION


def test_a_request_is_as_large_as_heap_takes_and_they_go_one_by_one(heap_sandbox, ti):
    plan = deletion().plan({"ti": ti})
    assert (plan.items_per_request, plan.delivery.concurrency, plan.guards.max_rows) == (10_000, 1, 10)


def test_in_europe_it_goes_to_the_host_that_heap_documents(monkeypatch, ti):
    monkeypatch.setenv("AIRFLOW_CONN_HEAP_DEFAULT", "heap://2388822444:key@/eu")
    environment = deletion().plan({"ti": ti}).environment
    assert environment.base_url == "https://heapanalytics.com"
    assert environment.label == "https://heapanalytics.com (region eu, App ID 2388822444, connection 'heap_default')"


def test_flags_come_from_templates_too(heap_sandbox, ti):
    assert "wait" in HeapUserDeletionOperator.template_fields
    with pytest.raises(ModelError, match="wait"):
        deletion(wait="perhaps").plan({"ti": ti})
    with pytest.raises(ModelError, match="poll_interval"):
        deletion(poll_interval="often").plan({"ti": ti})
