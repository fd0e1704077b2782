"""Guards count rows as they are read, and decide after the last of them, or at the first that is too many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.exceptions import GuardError
from airflow_provider_heap.sync.items import ItemBatch, JsonLines, MappedChunk
from airflow_provider_heap.sync.plan import GuardSettings
from airflow_provider_heap.sync.run.guards import Guards


def chunk(keys=(), **filled):
    bodies = JsonLines.of([b"{}"] * len(keys))
    return MappedChunk(ItemBatch(list(range(1, len(keys) + 1)), keys, keys, bodies, []), filled=filled)


@pytest.fixture
def guards():
    """Make guards of settings; they are closed at the end."""
    made = []

    def make(count_keys=True, **settings):
        made.append(Guards(GuardSettings(**settings), count_keys))
        return made[-1]

    yield make
    for each in made:
        each.close()


def check(guards, rows, changed=None, duplicates=None, key_column=None):
    guards.check(rows, changed, duplicates, key_column)


def test_without_guards_anything_may_be_sent(guards):
    unguarded = guards()
    unguarded.add(chunk("aa"), 2)
    check(unguarded, 0)
    assert unguarded.duplicate_keys() is None


@pytest.mark.parametrize(("limits", "rows"), [({"min_rows": 3}, 3), ({"min_rows": 0}, 0), ({"max_rows": 3}, 3)])
def test_the_number_of_rows_itself_is_allowed(guards, limits, rows):
    guarded = guards(**limits)
    guarded.add(chunk(), rows)
    check(guarded, rows)


def test_fewer_rows_than_min_rows_are_not(guards):
    with pytest.raises(GuardError, match=r"^Nothing was sent, because a guard is broken: the model has 2 rows, fewer"):
        check(guards(min_rows=3), 2)


@pytest.mark.parametrize("most", [0, 3])
def test_reading_stops_at_the_first_chunk_that_is_over_max_rows(guards, most):
    guarded = guards(max_rows=most)
    guarded.add(chunk(), most)
    with pytest.raises(GuardError, match=f"more than max_rows={most}, and reading stopped after {most + 1}"):
        guarded.add(chunk(), most + 1)


@pytest.mark.parametrize(
    ("most", "changed", "rows", "is_broken"),
    [
        *((3, 3, 10, False), (3, 4, 10, True), (0, 0, 10, False), (0, 1, 10, True)),
        *((0.29, 29, 100, False), (0.29, 30, 100, True), (0.5, 0, 0, False)),
    ],
)
def test_max_changed_is_a_count_or_a_share(guards, most, changed, rows, is_broken):
    guarded = guards(max_changed=most)
    if not is_broken:
        check(guarded, rows, changed)
        return
    with pytest.raises(GuardError, match=rf"{changed} of {rows} rows \(.*%\) (is|are) new or changed.*full_sync=True"):
        check(guarded, rows, changed)


def test_max_changed_says_nothing_where_there_is_nothing_to_compare_with(guards):
    check(guards(max_changed=0), 10, None)


def test_values_are_counted_over_all_chunks(guards):
    guarded = guards(max_null={"Plan": 0.25, "Seats": 0.5})
    guarded.add(chunk(Plan=1, Seats=2), 2)
    guarded.add(chunk(Plan=2), 4)
    check(guarded, 4)
    with pytest.raises(GuardError, match=r"property 'Plan' has no value in 2 of 5 rows \(40.0%\), more than"):
        check(guarded, 5)


@given(rows=st.integers(1, 1000), nulls=st.data())
def test_the_share_of_nulls_that_somebody_types_is_allowed_and_one_row_more_is_not(rows, nulls):
    count = nulls.draw(st.integers(0, rows - 1))
    guarded = Guards(GuardSettings(max_null={"Plan": float(repr(count / rows))}), False)
    guarded.add(chunk(Plan=rows - count - 1), rows)
    with pytest.raises(GuardError):
        check(guarded, rows)
    guarded.add(chunk(Plan=1), rows)
    check(guarded, rows)


def test_a_property_that_nothing_ever_filled_has_no_value_in_any_row(guards):
    with pytest.raises(GuardError, match="'Plan' has no value in 3 of 3 rows"):
        check(guards(max_null={"Plan": 0.9}), 3)
    check(guards(max_null={"Plan": 1}), 3)


def test_a_model_without_rows_has_no_nulls(guards):
    check(guards(max_null={"Plan": 0}), 0)


def test_keys_that_come_more_than_once_are_counted_over_all_chunks(guards):
    guarded = guards(unique_key=True)
    guarded.add(chunk(["a", "b", "b"]), 3)
    guarded.add(chunk(["a", "b", "\ud800"]), 6)
    assert guarded.duplicate_keys() == 2


@pytest.mark.parametrize(
    ("duplicates", "key_column", "text"),
    [
        (1, "email", r"1 key \(column 'email'\) came more than once"),
        (1200, None, "1,200 keys came more than once, and unique_key allows none"),
    ],
)
def test_unique_key_allows_none(guards, duplicates, key_column, text):
    guarded = guards(unique_key=True)
    check(guarded, 10, duplicates=0)
    with pytest.raises(GuardError, match=text):
        check(guarded, 10, duplicates=duplicates, key_column=key_column)


def test_keys_are_not_counted_twice_where_the_state_counts_them(guards):
    guarded = guards(count_keys=False, unique_key=True)
    guarded.add(chunk("aa"), 2)
    assert guarded.duplicate_keys() is None
    with pytest.raises(GuardError, match="1 key came more than once"):
        check(guarded, 2, duplicates=1)


def test_duplicates_that_no_guard_asks_about_are_allowed(guards):
    check(guards(min_rows=1), 2, duplicates=1)


def test_one_message_has_all_guards_that_are_broken(guards):
    guarded = guards(min_rows=5, max_changed=1, max_null={"Plan": 0}, unique_key=True)
    with pytest.raises(GuardError, match="because 4 guards are broken") as raised:
        check(guarded, 4, changed=2, duplicates=1)
    assert str(raised.value).count(";") == 3
    assert all(name in str(raised.value) for name in ("min_rows", "max_changed", "max_null", "unique_key"))
