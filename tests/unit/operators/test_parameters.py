"""Parameters come as they are, or as the text that a template made of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.operators.parameters import (
    is_unset,
    parse_bool,
    parse_count_or_share,
    parse_days,
    parse_int,
    parse_shares,
    parse_timeout,
)


@pytest.mark.parametrize("value", [None, "", " ", "None", " None "])
def test_a_template_that_renders_to_nothing_is_like_a_parameter_left_out(value):
    assert is_unset(value)
    assert parse_bool("dry_run", value) is False
    assert parse_days("state_retention", value) is None


@pytest.mark.parametrize("value", [0, False, "0", "False", "none at all"])
def test_a_value_is_not_unset_because_it_is_falsy(value):
    assert not is_unset(value)


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        *((value, True) for value in (True, "True", " yes ", "1", 1, "ON")),
        *((value, False) for value in (False, "false", "no", 0, "off")),
    ],
)
def test_a_flag_is_a_bool_or_its_text(value, flag):
    assert parse_bool("dry_run", value) is flag


@pytest.mark.parametrize("value", ["maybe", 2, "tru", [], "{{ dry_run }}"])
def test_anything_else_is_refused_with_the_parameters_name(value):
    with pytest.raises(ModelError, match="dry_run must be true or false"):
        parse_bool("dry_run", value)


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_is_the_same_as_its_text(number):
    assert parse_int("batch_size", number) == parse_int("batch_size", f" {number} ") == number
    assert parse_int("batch_size", float(number)) == number


@pytest.mark.parametrize("value", [None, "", "many", 1.5, "1.5", True, float("nan"), float("inf"), []])
def test_what_is_not_a_whole_number_is_refused(value):
    with pytest.raises(ModelError, match="batch_size must be a whole number"):
        parse_int("batch_size", value)


@given(st.one_of(st.integers(0, 10**9), st.floats(0, 1, exclude_min=True, exclude_max=True)))
def test_a_number_below_1_is_a_share_and_any_other_a_count(number):
    parsed = parse_count_or_share("max_rejected", str(number))
    assert parsed == parse_count_or_share("max_rejected", number) == number
    assert isinstance(parsed, float) is (0 < number < 1)


@pytest.mark.parametrize("value", [-1, "-0.1", "half", True, None, float("nan"), 1.5])
def test_what_is_neither_a_count_nor_a_share_is_refused(value):
    with pytest.raises(ModelError, match="max_rejected must be a"):
        parse_count_or_share("max_rejected", value)


def test_shares_are_numbers_or_their_texts_by_property():
    assert parse_shares("max_null", {"Plan": "0.2", "Seats": 1}) == {"Plan": 0.2, "Seats": 1.0}


@pytest.mark.parametrize("value", ["Plan", ["Plan"], {"Plan": "few"}, {"Plan": None}])
def test_what_is_not_a_dict_of_shares_is_refused(value):
    with pytest.raises(ModelError, match=r"max_null must be a dict of shares"):
        parse_shares("max_null", value)


@pytest.mark.parametrize("value", [timedelta(days=2), 2, 2.0, "2", " 2.0 "])
def test_a_span_of_time_is_a_timedelta_or_a_number_of_days(value):
    assert parse_days("state_retention", value) == 2 * 24 * 3600


@pytest.mark.parametrize("value", [0, -1, timedelta(0), "soon", True, float("inf"), float("nan"), 10**12])
def test_what_is_not_a_span_above_zero_is_refused(value):
    with pytest.raises(ModelError, match="state_retention must be a timedelta"):
        parse_days("state_retention", value)


@pytest.mark.parametrize("value", [timedelta(minutes=1.5), 90, 90.0, "90", " 90.0 "])
def test_how_long_to_wait_is_a_timedelta_or_a_number_of_seconds(value):
    assert parse_timeout("hold_timeout", value) == 90.0


@pytest.mark.parametrize("value", [0, "0", timedelta(0), None, "", "None"])
def test_nothing_and_zero_are_no_wait(value):
    assert parse_timeout("hold_timeout", value) == 0.0


@pytest.mark.parametrize("value", [-1, timedelta(seconds=-1), "soon", True, float("inf"), float("nan"), [], "1 hour"])
def test_what_is_not_a_time_to_wait_is_refused(value):
    with pytest.raises(ModelError, match="hold_timeout must be a timedelta, or a number of seconds"):
        parse_timeout("hold_timeout", value)


@pytest.mark.parametrize(("percentage", "share"), [("5%", "5% is 0.05"), (" 12.5 % ", "12.5% is 0.125")])
def test_a_percentage_is_answered_with_its_share(percentage, share):
    with pytest.raises(ModelError, match=rf"max_rejected must be a count of rows.* {share}\.$"):
        parse_count_or_share("max_rejected", percentage)
    with pytest.raises(ModelError, match=rf"max_null must be a dict of shares.* {share}\.$"):
        parse_shares("max_null", {"Plan": percentage})


@pytest.mark.parametrize("value", ["a few", "%", "150%"])
def test_what_is_not_a_percentage_below_100_is_not_answered_with_a_share(value):
    with pytest.raises(ModelError, match=r"found '[^']*'\.$"):
        parse_count_or_share("max_rejected", value)
