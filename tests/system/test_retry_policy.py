"""The retry policy that the docs show, for Airflow 3.3 and later."""

from __future__ import annotations

import pytest

from airflow_provider_heap.exceptions import HeapUnavailableError

pytest.importorskip("airflow.sdk.definitions.retry_policy", reason="Airflow before 3.3 has no retry policies")

# [policy]
from datetime import timedelta

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

# Heap is down: wait longer than for anything else.
PATIENT = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception="airflow_provider_heap.exceptions.HeapUnavailableError",
            action=RetryAction.RETRY,
            retry_delay=timedelta(minutes=30),
        )
    ]
)
# [/policy]


def test_the_policy_waits_for_a_heap_that_is_down_and_leaves_other_failures_alone():
    decision = PATIENT.evaluate(HeapUnavailableError("down"), 1, 3)
    assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, timedelta(minutes=30))
    assert PATIENT.evaluate(ValueError("other"), 1, 3).action is RetryAction.DEFAULT
