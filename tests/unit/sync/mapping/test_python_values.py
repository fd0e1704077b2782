"""Values of numpy, pandas, psycopg and the standard library are what their plain Python counterparts are."""

from __future__ import annotations

import enum
import ipaddress
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.sync.mapping.python_values import to_python
from tests.unit.sync.mapping.mapped import event, identity, invalid_user, user


def test_neither_numpy_nor_pandas_is_imported():
    code = (
        "import sys, airflow_provider_heap.sync.mapping.mapper\n"
        "assert not {'numpy', 'pandas', 'psycopg', 'psycopg2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def nulls():
    """Return everything that numpy and pandas have for "no value"."""
    numpy = pytest.importorskip("numpy")
    values = [
        numpy.datetime64("NaT"),
        numpy.datetime64("NaT", "ns"),
        numpy.timedelta64("NaT", "s"),
        numpy.float64("nan"),
        numpy.float32("inf"),
        numpy.ma.masked,
        numpy.array(numpy.datetime64("NaT")),
    ]
    try:
        import pandas
    except ImportError:
        return values
    return [*values, pandas.NaT, pandas.NA]


def test_what_is_null_to_numpy_and_pandas_is_null_everywhere():
    for value in nulls():
        assert user({"p": value}) == {}
        assert user({"p": value}, nulls="empty") == {"p": ""}
        assert user({"p": [value, 1]}) == {"p": "1"}
        assert user({"p": {"a": value, "b": 1}}) == {"p.b": 1}
        assert user({"p": {"a": [value]}}, nested="json") == {"p": '{"a":[null]}'}
        assert identity(value) == ("identity_null", None)
        assert event(value) == ("timestamp_null", None)


def test_a_column_may_hold_nulls_of_several_kinds_among_its_values():
    pandas = pytest.importorskip("pandas")
    values = {"a": pandas.NaT, "b": pandas.Timestamp("2026-01-01"), "c": None}
    assert user(values) == {"b": "2026-01-01T00:00:00+00:00"}


@pytest.mark.parametrize(
    ("make", "sent"),
    [
        (lambda numpy: numpy.bool_(True), "true"),
        (lambda numpy: numpy.int64(-3), -3),
        (lambda numpy: numpy.uint64(2**63), str(2**63)),
        (lambda numpy: numpy.float32(1.5), 1.5),
        (lambda numpy: numpy.str_("x"), "x"),
        (lambda numpy: numpy.datetime64("2026-01-01T10:00"), "2026-01-01T10:00:00+00:00"),
        (lambda numpy: numpy.datetime64("2026-01-01T10:00:00.123456789"), "2026-01-01T10:00:00.123456+00:00"),
        (lambda numpy: numpy.datetime64("2026-01-01"), "2026-01-01"),
        (lambda numpy: numpy.timedelta64(90, "s"), 90),
        (lambda numpy: numpy.timedelta64(1500000, "ns"), 0.0015),
        (lambda numpy: numpy.array([1, 2]), "1||2"),
        (lambda numpy: numpy.array([[1], [2]]), "[[1],[2]]"),
        (lambda numpy: numpy.array(7), 7),
        (lambda numpy: numpy.ma.masked_array([1, 2], [True, False]), "2"),
    ],
)
def test_a_value_of_numpy_is_what_its_python_counterpart_is(make, sent):
    value = make(pytest.importorskip("numpy"))
    assert user({"p": value}) == {"p": sent}


def test_numpys_bool_is_jsons_inside_a_text_of_json():
    numpy = pytest.importorskip("numpy")
    assert user({"p": {"a": numpy.bool_(True)}}, nested="json") == {"p": '{"a":true}'}


def test_values_of_numpy_can_be_keys_and_timestamps():
    numpy = pytest.importorskip("numpy")
    assert identity(numpy.int64(7)) == "7"
    assert identity(numpy.bool_(True)) == ("identity_type", "type bool")
    assert event(numpy.datetime64("2026-01-01")) == "2026-01-01T00:00:00+00:00"


def test_a_time_of_numpy_that_python_cannot_hold_makes_the_row_invalid():
    numpy = pytest.importorskip("numpy")
    for value in (numpy.datetime64("20000-01-01"), numpy.timedelta64(10**15, "s"), numpy.timedelta64(1, "M")):
        detail = f"{type(value).__name__} that Python cannot hold"
        assert invalid_user({"p": value}) == ("unreadable_value", "p", detail)


@given(st.data())
def test_datetime64_of_any_unit_is_the_datetime_that_it_names(data):
    numpy = pytest.importorskip("numpy")
    moment = data.draw(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)))
    unit = data.draw(st.sampled_from(["s", "ms", "us", "ns"]))
    value = numpy.datetime64(moment, unit)
    steps = {"s": 10**6, "ms": 1000, "us": 1, "ns": 1}[unit]
    since = (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    assert to_python(value) == datetime(1970, 1, 1) + timedelta(microseconds=since - since % steps)


class Plan(enum.Enum):
    PRO = "pro"
    NONE = None


class Level(enum.IntEnum):
    HIGH = 3


class Color(enum.StrEnum):
    RED = "red"


def test_a_member_of_an_enum_is_its_value():
    values = {"a": Plan.PRO, "b": Level.HIGH, "c": Color.RED, "d": [Plan.PRO, Plan.NONE]}
    assert user(values) == {"a": "pro", "b": 3, "c": "red", "d": "pro"}
    assert identity(Plan.PRO) == "pro"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (ipaddress.ip_address("10.0.0.1"), "10.0.0.1"),
        (ipaddress.ip_interface("10.0.0.1/24"), "10.0.0.1/24"),
        (ipaddress.ip_network("10.0.0.0/24"), "10.0.0.0/24"),
        (ipaddress.ip_address("::1"), "::1"),
        (ipaddress.ip_address("::ffff:10.0.0.1"), "::ffff:10.0.0.1"),
        (ipaddress.ip_interface("::ffff:10.0.0.1/120"), "::ffff:10.0.0.1/120"),
    ],
)
def test_a_network_address_is_text_wherever_it_is(value, text):
    assert user({"p": value}) == {"p": text}
    assert user({"p": [value, None]}) == {"p": text}
    assert user({"p": {"ip": value}}) == {"p.ip": text}
    assert user({"p": {"ip": [value]}}, nested="json") == {"p": f'{{"ip":["{text}"]}}'}
    assert identity(value) == text


def test_a_set_is_a_list_in_an_order_that_every_run_has():
    assert user({"p": {"b", "a", "c"}}) == {"p": "a||b||c"}
    assert user({"p": frozenset({3, 20, 1})}, nested="json") == {"p": "[1,20,3]"}


def test_what_is_plain_stays_the_same_object():
    for value in ("x", 1, 1.5, None, [1], {"a": 1}, date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)):
        assert to_python(value) is value
