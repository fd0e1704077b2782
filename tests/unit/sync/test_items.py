"""A batch of items is five lists of one length: what it does to one of them it does to all."""

from __future__ import annotations

from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.sync.items import InvalidRow, ItemBatch, JsonLines, MappedChunk

NAMES = [field.name for field in fields(ItemBatch)]


def items(count, first=1):
    """Return a batch of which every value says where it belongs."""
    numbers = list(range(first, first + count))
    return ItemBatch(
        numbers,
        [f"key {number}" for number in numbers],
        [f"person {number}" for number in numbers],
        JsonLines.of(b"body %d" % number for number in numbers),
        [number % 2 == 0 for number in numbers],
    )


def columns(batch):
    """Return the five lists."""
    return [list(getattr(batch, name)) for name in NAMES]


counts = st.integers(0, 20)
ends = st.none() | st.integers(-25, 25)


@given(counts, ends, ends)
def test_a_slice_is_that_of_a_list(count, start, stop):
    batch = items(count)
    part = batch[start:stop]
    assert columns(part) == [column[start:stop] for column in columns(batch)]
    assert len(part) == len(part.bodies)


@given(counts, counts)
def test_a_sum_has_the_items_of_both_in_order(first, second):
    earlier, later = items(first), items(second, first + 1)
    assert columns(earlier + later) == columns(items(first + second))


@given(st.lists(st.booleans(), max_size=20))
def test_the_marked_items_are_selected(wanted):
    batch = items(len(wanted))
    expected = [[value for value, mark in zip(column, wanted, strict=True) if mark] for column in columns(batch)]
    assert columns(batch.select(wanted)) == expected


@given(counts, st.integers(0, 20))
def test_the_parts_of_a_batch_add_up_to_it(count, middle):
    batch = items(count)
    assert columns(batch[:middle] + batch[middle:]) == columns(batch)


@given(counts, ends, ends)
def test_without_state_nothing_is_said_to_be_recorded(count, start, stop):
    marked = items(count)
    plain = ItemBatch(marked.numbers, marked.keys, marked.person_keys, marked.bodies)
    for batch in (plain, plain[start:stop], plain + plain, plain.select([True] * count)):
        assert list(batch.recorded) == []


def test_what_is_made_of_a_batch_leaves_it_as_it_was():
    batch = items(3)
    (batch + items(2))[1:].select([True, False, True, False])
    assert columns(batch) == columns(items(3))


def test_numbers_may_be_a_range_and_stay_one_in_a_slice():
    batch = ItemBatch(range(5, 9), list("abcd"), list("abcd"), JsonLines.of([b"x"] * 4))
    assert batch[1:3].numbers == range(6, 8)
    assert list((batch[:1] + batch[3:]).numbers) == [5, 8]


def test_a_chunk_has_a_row_for_each_item_and_each_invalid_row():
    invalid = [InvalidRow(3, "identity_null", "email", {})]
    assert len(MappedChunk(items(2), invalid)) == 3
    assert len(MappedChunk(items(0))) == 0


# JSON, one item a line

json_items = st.lists(st.binary(max_size=9).filter(lambda item: b"\n" not in item), max_size=9)


@given(json_items, ends, ends)
def test_a_slice_of_lines_is_that_of_a_list(bodies, start, stop):
    part = JsonLines.of(bodies)[start:stop]
    assert ([*part], len(part)) == (bodies[start:stop], len(bodies[start:stop]))


@given(json_items, json_items)
def test_a_sum_of_lines_has_the_items_of_both(bodies, later):
    total = JsonLines.of(bodies) + JsonLines.of(later)
    assert ([*total], len(total)) == (bodies + later, len(bodies + later))
    assert total == JsonLines.of(bodies + later)


@given(json_items)
def test_they_are_joined_with_commas_as_an_array_holds_them(bodies):
    lines = JsonLines.of(bodies)
    assert lines.joined() == b",".join(bodies)
    assert lines.size == sum(len(body) + 1 for body in bodies)


@given(json_items)
def test_each_item_can_be_asked_for(bodies):
    lines = JsonLines.of(bodies)
    assert [lines[place] for place in range(len(lines))] == bodies


@given(json_items, st.integers(0, 10))
def test_it_is_known_whether_one_is_longer(bodies, length):
    assert JsonLines.of(bodies).has_longer(length) == any(len(body) > length for body in bodies)


@given(json_items, st.data())
def test_the_marked_lines_are_selected(bodies, data):
    wanted = data.draw(st.lists(st.booleans(), min_size=len(bodies), max_size=len(bodies)))
    assert [*JsonLines.of(bodies).select(wanted)] == [body for body, mark in zip(bodies, wanted, strict=True) if mark]
