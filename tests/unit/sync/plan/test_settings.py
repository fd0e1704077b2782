"""Settings are checked when they are made, and a share holds at its edge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.plan import CountOrShare, DeliverySettings, GuardSettings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
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
