"""Texts are measured and truncated as Heap's own clients count: in UTF-16 units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.sync.mapping.row_errors import RowErrors
from airflow_provider_heap.sync.mapping.texts import (
    drop_unencodable,
    is_utf8,
    truncate,
    truncate_column,
    utf16_length,
)

#: With halves of surrogate pairs, which a Python text can hold.
texts = st.text(st.characters() | st.characters(categories=["Cs"]) | st.sampled_from("😀é"), max_size=30)
whole_texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("😀é"), max_size=30)


@given(whole_texts, st.integers(1, 40))
def test_a_cut_text_is_the_longest_beginning_that_fits(text, length):
    result = truncate(text, length)
    assert text.startswith(result)
    assert utf16_length(result) <= length
    assert result == text or utf16_length(text[: len(result) + 1]) > length


@given(texts)
def test_a_text_can_be_sent_when_it_has_no_half_of_a_surrogate_pair(text):
    assert is_utf8(text) == (not any("\ud800" <= character <= "\udfff" for character in text))


@given(st.lists(st.none() | st.integers() | whole_texts | st.sampled_from(["x" * 1024, "😀" * 512, "y" * 1023])))
def test_in_a_column_only_the_long_texts_are_cut_and_counted(values):
    truncated_rows = []
    result = truncate_column(values, truncated_rows)
    long = [row for row, value in enumerate(values) if isinstance(value, str) and utf16_length(value) > 1023]
    assert truncated_rows == long
    assert list(result) == [truncate(value) if row in long else value for row, value in enumerate(values)]


def test_texts_that_cannot_be_sent_become_none_and_their_rows_are_added():
    errors = RowErrors()
    assert drop_unencodable(["a", "\ud800", None, 1, "\udfffb"], errors, "plan") == ["a", None, None, 1, None]
    assert [(row, error.reason, error.column) for row, error in errors.items()] == [
        (1, "no_json_form", "plan"),
        (4, "no_json_form", "plan"),
    ]


@pytest.mark.parametrize(("text", "length"), [("", 0), ("abc", 3), ("é", 1), ("😀", 2), ("\ud800", 1)])
def test_the_length_is_counted_in_utf_16_units(text, length):
    assert utf16_length(text) == length
