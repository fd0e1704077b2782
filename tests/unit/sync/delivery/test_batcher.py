"""Requests are full but the last, none is too large, and nothing is lost or reordered."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.sync.delivery.batcher import Batcher
from airflow_provider_heap.sync.items import ItemBatch, JsonLines


def items(sizes, first=1):
    numbers = list(range(first, first + len(sizes)))
    return ItemBatch(
        numbers, [str(n) for n in numbers], [str(n) for n in numbers], JsonLines.of(b"x" * size for size in sizes)
    )


def cut(chunks, max_items, max_bytes):
    batcher, batches, first = Batcher(max_items, max_bytes), [], 1
    for sizes in chunks:
        batches += batcher.add(items(sizes, first))
        first += len(sizes)
    return batches + batcher.flush()


@given(st.lists(st.lists(st.integers(0, 60), max_size=20), max_size=8), st.integers(1, 7), st.integers(1, 100))
def test_batches_hold_everything_in_order_within_both_limits(chunks, max_items, max_bytes):
    batches = cut(chunks, max_items, max_bytes)
    assert [n for batch in batches for n in batch.numbers] == list(range(1, sum(map(len, chunks)) + 1))
    for batch in batches:
        assert 1 <= len(batch) <= max_items
        assert len(batch) == 1 or sum(len(body) + 1 for body in batch.bodies) <= max_bytes


@given(st.lists(st.lists(st.integers(0, 60), max_size=20), max_size=8), st.integers(1, 7), st.integers(1, 100))
def test_no_batch_could_have_taken_the_item_after_it(chunks, max_items, max_bytes):
    batches = cut(chunks, max_items, max_bytes)
    for batch, following in pairwise(batches):
        size = sum(len(body) + 1 for body in batch.bodies) + len(following.bodies[0]) + 1
        assert len(batch) == max_items or size > max_bytes


def test_1001_rows_make_two_requests():
    assert [len(batch) for batch in cut([[10] * 600, [10] * 401], 1000, 10**6)] == [1000, 1]
