"""Values become numbers and texts that Heap takes."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.api.objects import USER
from airflow_provider_heap.sync.mapping import FieldMapping
from airflow_provider_heap.sync.mapping.values import Converter
from tests.unit.sync.mapping.mapped import event, invalid_user, user


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (True, "true"),
        (False, "false"),
        (0, 0),
        ("", ""),
        (2**53 - 1, 2**53 - 1),
        (2**53, "9007199254740992"),
        (-(2**53), "-9007199254740992"),
        (10**400, "1" + "0" * 400),
        (Decimal("19.90"), 19.9),
        (Decimal("5.00"), 5),
        (Decimal("1E+20"), 10**20),
        (Decimal("0.1234567890123456789"), "0.1234567890123456789"),
        (Decimal("1E+400"), "1E+400"),
        (datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05+00:00"),
        (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2026-01-02T03:04:05.000006+00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(3, 4), "03:04:00"),
        (time(3, 4, tzinfo=timezone(timedelta(hours=1))), "03:04:00+01:00"),
        (time(0, 4, tzinfo=timezone(timedelta(seconds=561))), "23:54:39+00:00"),
        (timedelta(minutes=1, milliseconds=500), 60.5),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("😀" * 512, "😀" * 511),
    ],
)
def test_a_value_goes_out_as_the_design_says(value, sent):
    assert user({"p": value}) == {"p": sent}


@pytest.mark.parametrize("value", [Decimal("5.00"), Decimal("1E+20"), Decimal(9007199254740992)])
def test_a_whole_decimal_is_written_without_a_fraction(value):
    body = FieldMapping(USER, {"identity": "who"}).bind(["who", "p"]).map([("ada", value)], first=1).items.bodies[0]
    assert b"." not in body


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), float("-inf"), Decimal("NaN"), Decimal("sNaN")])
def test_what_is_null_is_left_out_or_sent_empty(value):
    assert user({"p": value}) == {}
    assert user({"p": value}, nulls="empty") == {"p": ""}


@pytest.mark.parametrize(
    "value", [b"x", bytearray(b"x"), memoryview(b"x"), {b"x"}, object(), "\ud800", {"k": b"x"}, [b"x"]]
)
def test_a_value_without_a_json_form_makes_the_row_invalid(value):
    assert user({"p": value}) == "no_json_form"


def test_a_naive_datetime_is_taken_to_be_in_the_timezone():
    assert user({"p": datetime(2026, 7, 1, 12)}, timezone="Europe/Berlin") == {"p": "2026-07-01T12:00:00+02:00"}


def test_the_log_is_given_the_type_of_a_value_without_a_json_form_and_never_the_value():
    assert invalid_user({"p": b"secret"}) == ("no_json_form", "p", "type bytes")
    assert invalid_user({"p": {"a": [bytearray(b"secret")]}}) == ("no_json_form", "p", "type bytearray")
    assert invalid_user({"p": "secret\ud800"}) == ("no_json_form", "p", "text with half a surrogate pair")


def test_an_offset_with_seconds_becomes_the_same_moment_in_utc():
    assert user({"p": datetime(1900, 1, 1)}, timezone="Europe/Paris") == {"p": "1899-12-31T23:50:39+00:00"}
    assert event(datetime(1900, 1, 1), timezone="Europe/Paris") == "1899-12-31T23:50:39+00:00"
    assert event("1900-01-01T00:00:00+00:09:21") == "1899-12-31T23:50:39+00:00"


@given(
    st.datetimes(timezones=st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)),
    st.sampled_from([Converter.to_iso, lambda converter, value: converter.to_iso_column([value])[0]]),
)
def test_every_datetime_is_iso_8601_and_the_same_moment(value, to_iso):
    text = to_iso(Converter(), value)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?[+-]\d\d:\d\d", text)
    try:
        value.astimezone(UTC)
    except OverflowError:  # no moment in UTC's calendar: the date is kept
        assert datetime.fromisoformat(text).replace(tzinfo=None) == value.replace(tzinfo=None)
    else:
        assert datetime.fromisoformat(text) == value


def test_an_integer_of_more_digits_than_python_writes_has_no_json_form():
    assert invalid_user({"p": 10**5000}) == ("no_json_form", "p", "integer of thousands of digits")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime.min.replace(tzinfo=timezone(timedelta(seconds=90))), "0001-01-01T00:00:00+00:01"),
        (datetime.max.replace(tzinfo=timezone(-timedelta(seconds=90)), microsecond=0), "9999-12-31T23:59:59-00:02"),
    ],
)
def test_a_time_at_an_end_of_the_calendar_keeps_its_offset_in_whole_minutes(value, text):
    assert user({"p": value}) == {"p": text}
