"""The waits between two tries grow, are random within bounds, and respect what the server asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.api.retry import RetryPolicy, parse_retry_after

POLICY = RetryPolicy(initial_backoff=0.5, max_backoff=30.0, max_retry_after=300.0)


@given(st.integers(1, 5000))
def test_a_wait_is_between_half_and_all_of_the_exponential_backoff(attempt):
    longest = 0.5 * 2 ** (attempt - 1) if attempt < 7 else 30.0
    assert longest / 2 <= POLICY.wait(attempt) <= longest


@given(st.integers(1, 20), st.floats(0, 1e9))
def test_a_wait_is_at_least_what_the_server_asked_for_up_to_the_limit(attempt, retry_after):
    assert min(retry_after, 300.0) <= POLICY.wait(attempt, retry_after) <= max(300.0, 30.0)


def test_waits_after_the_same_try_differ():
    assert len({POLICY.wait(5) for _ in range(20)}) > 1


@pytest.mark.parametrize(
    "values", [{"tries": 0}, {"initial_backoff": -1}, {"max_backoff": -1}, {"max_retry_after": -1}]
)
def test_a_number_out_of_its_range_is_refused(values):
    with pytest.raises(ValueError, match=r"at least 1|0 or more"):
        RetryPolicy(**values)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("", None), ("7", 7), ("0", 0), ("86400", 86400), ("soon", None), ("-5", None)],
)
def test_retry_after_may_be_a_number_of_seconds(header, seconds):
    assert parse_retry_after(header) == seconds


@pytest.mark.parametrize(("ahead", "seconds"), [(3600, 3600), (-3600, 0)])
def test_retry_after_may_be_a_date(ahead, seconds):
    header = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
    assert parse_retry_after(header) == pytest.approx(seconds, abs=60)
