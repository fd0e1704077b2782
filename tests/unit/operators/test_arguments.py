"""Arguments that cannot be right are refused when the DAG file is parsed, with what was most likely meant."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_heap.operators.arguments import REQUIRED
from airflow_provider_heap.operators.heap import HeapEventSyncOperator, HeapUserSyncOperator


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ({"identty": "email"}, "Did you mean 'identity' instead of 'identty'?"),
        ({"sql": "select 1"}, "Did you mean 'model' instead of 'sql'?"),
        ({"conn_id": "warehouse", "rejects": "/tmp"}, "'sql_conn_id' instead of 'conn_id'"),
        ({"retrys": 3}, "Did you mean 'retries' instead of 'retrys'?"),
    ],
)
def test_a_misspelt_parameter_gets_a_suggestion(arguments, hint):
    with pytest.raises((TypeError, AirflowException), match="Invalid arguments were passed") as raised:
        HeapUserSyncOperator(task_id="users", model="select 1", **arguments)
    assert hint in str(raised.value)
    assert next(iter(arguments)) in str(raised.value)


def test_a_misspelt_parameter_of_a_mapped_task_gets_one_too():
    with pytest.raises(TypeError, match=r"'identty'\nDid you mean 'identity' instead of 'identty'\?"):
        HeapUserSyncOperator.partial(task_id="users", model="select 1", identty="email")


def test_what_nothing_is_like_keeps_airflows_message():
    with pytest.raises((TypeError, AirflowException)) as raised:
        HeapUserSyncOperator(task_id="users", model="select 1", zzzzzz=1)
    assert "Did you mean" not in str(raised.value)


def test_a_sync_without_a_model_says_what_it_is():
    with pytest.raises(TypeError, match=r"HeapUserSyncOperator 'users' needs model, the query whose rows are sent"):
        HeapUserSyncOperator(task_id="users")


def test_all_that_is_missing_is_named_at_once():
    with pytest.raises(TypeError, match=r"needs insert_id, .*; and timestamp, "):
        HeapEventSyncOperator(task_id="orders", model="select 1", identity="email", event="Order")


def test_documentation_shows_a_required_parameter_as_such():
    assert repr(REQUIRED) == "required"
