"""A driver's form of a value becomes the Python value that it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.models.drivers.conversions import (
    bits_to_integers,
    decode_json,
    decode_likely_json,
    set_texts_to_lists,
)
from airflow_provider_heap.sync.mapping.unreadable import UnreadableValue

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.lists(JSON_VALUES))
def test_texts_of_json_become_what_they_say(values):
    assert decode_json([json.dumps(value) for value in values]) == values


def test_values_that_the_driver_decoded_stay():
    assert decode_json([None, {"a": 1}, [1], 5, b"x"]) == [None, {"a": 1}, [1], 5, b"x"]


def test_what_is_not_json_is_unreadable_and_the_others_are_read():
    assert decode_json(['{"a":1}', "nope"]) == [
        {"a": 1},
        UnreadableValue("text in a column of JSON that is not JSON", "nope"),
    ]


def test_what_is_not_json_stays_in_a_column_that_may_not_be_of_json():
    assert decode_likely_json(['{"a":1}', "nope", None]) == [{"a": 1}, "nope", None]


@pytest.mark.parametrize(
    ("value", "number"), [(b"\x01", 1), (b"\x00", 0), (b"\x01\x01", 257), (5, 5), (None, None), (bytearray(b"\x02"), 2)]
)
def test_bits_are_numbers(value, number):
    assert bits_to_integers([value]) == [number]


@pytest.mark.parametrize(("value", "members"), [("x,z", ["x", "z"]), ("x", ["x"]), ("", []), (None, None)])
def test_sets_are_lists_in_the_order_of_the_database(value, members):
    assert set_texts_to_lists([value]) == [members]
