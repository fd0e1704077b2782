"""What a run is told to do is checked, and its requests make use of what Heap's pace allows."""

from __future__ import annotations

import gc

import pytest

from airflow_provider_heap.api.objects import EVENT, USER
from airflow_provider_heap.sync import run as pipeline
from airflow_provider_heap.sync.run import DeliverySettings


@pytest.mark.parametrize(
    ("batch_size", "rate_limit", "items"),
    [(1000, None, 1000), (700, None, 700), (900, None, 882), (1000, 2500, 833), (1000, 300, 300), (1000, 0, 1000)],
)
def test_requests_are_full_unless_that_leaves_much_of_a_minute_unused(batch_size, rate_limit, items):
    settings = DeliverySettings(batch_size=batch_size, rate_limit=rate_limit)
    assert settings.items_a_request(settings.pace(EVENT)) == items


def test_only_events_have_a_pace_by_default():
    assert DeliverySettings().pace(EVENT).limit == 15_000
    assert DeliverySettings().pace(USER).limit is None


def test_rows_do_not_set_the_garbage_collector_off_but_garbage_does():
    class Cycle:
        def __init__(self):
            self.itself = self

    before, turns = gc.get_threshold(), []
    gc.callbacks.append(lambda phase, info: turns.append(phase))
    try:
        with pipeline._rows_no_garbage():
            for _ in range(10):
                [(n, str(n)) for n in range(10_000)]
            assert turns == []
            for _ in range(2 * pipeline.GC_THRESHOLD):
                Cycle()
            assert turns
    finally:
        gc.callbacks.pop()
    assert gc.get_threshold() == before
