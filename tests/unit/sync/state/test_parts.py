"""Parts are recorded when each of their rows has its outcome, in order."""

from __future__ import annotations

from airflow_provider_heap.sync.items import InvalidRow, ItemBatch, JsonLines, MappedChunk
from airflow_provider_heap.sync.state import parts
from airflow_provider_heap.sync.state.parts import KeyRange, Parts, key_ranges

A, B, C = "0" * 31 + "a", "b" * 32, "c" * 32


def chunk(*numbers, invalid=()):
    items = ItemBatch(list(numbers), [""] * len(numbers), [], JsonLines.of([b""] * len(numbers)))
    return MappedChunk(items, [InvalidRow(number, "identity_null", "k", {}) for number in invalid])


def test_the_ranges_of_many_changes_hold_each_key_once(monkeypatch):
    monkeypatch.setattr(parts, "PART_ROWS", 10)
    assert key_ranges(10) == [KeyRange()]
    for rows, count in ((11, 16), (161, 256), (10_000, 256)):
        ranges = key_ranges(rows)
        assert len(ranges) == count
        for key in (A, B, C, "f" * 32, "0" * 32):
            assert sum((not r.after or key > r.after) and (not r.until or key <= r.until) for r in ranges) == 1


def test_a_range_is_split_behind_keys():
    assert list(KeyRange("1", "8").split([A, B])) == [KeyRange("1", A), KeyRange(A, B), KeyRange(B, "8")]


def test_a_part_is_settled_when_it_is_read_and_each_row_has_its_outcome():
    opened = Parts()
    part = opened.open(KeyRange())
    opened.add(part, chunk(1, 3, invalid=[2]), [A, None, B])
    opened.settle([3], taken=False)
    opened.settle([1], taken=True)
    assert opened.settled() is None
    opened.end(part)
    assert opened.settled() is part
    assert [part.key_hash(number) for number in part.refused] == ["", B]
    opened.close(part)
    assert len(opened) == 0


def test_parts_are_settled_in_order():
    opened = Parts()
    first = opened.open(KeyRange("", "8"))
    opened.add(first, chunk(1, 2), [A, B])
    opened.end(first)
    second = opened.open(KeyRange("8", ""))
    opened.add(second, chunk(3), [C])
    opened.end(second)
    opened.settle([3, 1], taken=True)
    assert opened.settled() is None
    assert opened.key_hashes([2, 3]) == [B, C]
    opened.settle([2], taken=True)
    opened.close(opened.settled())
    assert opened.settled() is second
    assert opened.key_hashes([2, 3]) == [C]
