"""The time that a run covers, in every kind of run, and the warning of an interval that is empty."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from jinja2.sandbox import SandboxedEnvironment

from airflow_provider_heap.intervals import UtcTime, empty_interval_warnings, heap_interval

NINE, TEN = (datetime(2026, 11, 20, hour, tzinfo=UTC) for hour in (9, 10))
HOUR = timedelta(hours=1)
EPOCH = "1970-01-01 00:00:00"


def texts(context, **options):
    interval = heap_interval(context, **options)
    return str(interval.start), str(interval.end)


def data_interval(start, end, **more):
    return {"data_interval_start": start, "data_interval_end": end, **more}


def test_a_run_covers_its_data_interval_whatever_ran_before():
    context = data_interval(NINE, TEN, prev_data_interval_end_success=NINE - HOUR)
    assert texts(context, lookback=HOUR) == ("2026-11-20 09:00:00", "2026-11-20 10:00:00")


def test_an_interval_of_no_length_begins_where_the_last_successful_run_ended():
    context = data_interval(TEN, TEN, prev_data_interval_end_success=NINE - 2 * HOUR)
    assert texts(context) == ("2026-11-20 07:00:00", "2026-11-20 10:00:00")


@pytest.mark.parametrize(
    "context",
    [
        data_interval(TEN, TEN),
        data_interval(TEN, TEN, prev_data_interval_end_success=None),
        {"dag_run": SimpleNamespace(run_after=TEN)},
        {"dag_run": SimpleNamespace(start_date=TEN)},
        data_interval(None, None, dag_run=SimpleNamespace(run_after=TEN, start_date=NINE)),
    ],
    ids=["first run", "no run succeeded", "by hand", "without run_after", "without a date"],
)
def test_a_run_that_knows_of_no_other_goes_back_as_far_as_it_is_told(context):
    assert texts(context) == (EPOCH, "2026-11-20 10:00:00")
    assert texts(context, lookback=timedelta(days=2)) == ("2026-11-18 10:00:00", "2026-11-20 10:00:00")


@pytest.mark.parametrize(
    "context", [data_interval(NINE, TEN), data_interval(TEN, TEN, prev_data_interval_end_success=NINE)]
)
def test_an_overlap_moves_the_start_alone(context):
    assert texts(context, overlap=2 * HOUR) == ("2026-11-20 07:00:00", "2026-11-20 10:00:00")


def test_a_last_run_that_ended_later_leaves_an_interval_of_no_length():
    assert texts(data_interval(NINE, NINE, prev_data_interval_end_success=TEN)) == ("2026-11-20 09:00:00",) * 2


def test_times_are_in_utc_without_fractions_and_can_be_calculated_with():
    time = UtcTime.of(datetime(2026, 11, 20, 10, 0, 1, 999_999, tzinfo=timezone(HOUR)))
    assert (str(time), str(time - HOUR), time.isoformat()) == (
        "2026-11-20 09:00:01",
        "2026-11-20 08:00:01",
        "2026-11-20T09:00:01+00:00",
    )


def test_a_command_that_cannot_ask_airflow_knows_of_no_earlier_run():
    class Context(dict):
        def get(self, key, default=None):
            if key.startswith("prev"):
                raise AttributeError("SUPERVISOR_COMMS")
            return super().get(key, default)

    assert texts(Context(data_interval(TEN, TEN))) == (EPOCH, "2026-11-20 10:00:00")


def test_jinja_gives_the_context():
    environment = SandboxedEnvironment()
    environment.globals["heap_interval"] = heap_interval
    template = environment.from_string("{{ heap_interval(lookback=hour).start }}")
    assert template.render(dag_run=SimpleNamespace(run_after=TEN), hour=HOUR) == "2026-11-20 09:00:00"


EMPTY = data_interval(TEN, TEN)
AT = "'2026-11-20 10:00:00'"


@pytest.mark.parametrize(
    "query",
    [
        f"select * from orders where ordered_at >= {AT} and ordered_at < {AT}",
        f"select * from orders o where o.at>{AT} and o.id < 5 and o.at <={AT}",
        f'select * from orders where "At" >= timestamp {AT} and "At" < timestamp {AT}',
        f"select * from orders where date(at) >= cast({AT} as date) and date(at) < cast({AT} as date)",
        f"select * from orders where at BETWEEN {AT} and {AT}",
        "select * from orders where day >= '2026-11-20' and day < '2026-11-20'",
    ],
)
def test_a_query_between_both_ends_of_an_empty_interval_is_warned_of(query):
    (warning,) = empty_interval_warnings(EMPTY, query)
    assert "can return no rows" in warning
    assert "{{ heap_interval().start }}" in warning
    assert empty_interval_warnings(data_interval(NINE, TEN), query) == ()
    assert empty_interval_warnings({}, query) == ()


@pytest.mark.parametrize(
    "query",
    [
        "select * from orders",
        f"select * from plans where valid_from <= {AT} and valid_to > {AT}",
        f"select * from orders where ordered_at >= {AT}",
        f"select * from orders where ordered_at >= '2026-11-20 09:00:00' and ordered_at < {AT}",
        "select * from a join b on a.day = '2026-11-20' and b.day = '2026-11-20'",
    ],
)
def test_other_queries_are_not(query):
    assert empty_interval_warnings(EMPTY, query) == ()


@pytest.mark.parametrize(
    ("parameters", "count"),
    [
        ({"start": TEN, "end": TEN}, 1),
        (["2026-11-20T10:00:00+00:00", "2026-11-20 10:00:00"], 1),
        ({"start": TEN, "plan": "pro", "seats": 5}, 0),
        ([NINE, TEN], 0),
        (None, 0),
        ("text", 0),
    ],
)
def test_bind_parameters_that_are_both_ends_are_warned_of_too(parameters, count):
    assert len(empty_interval_warnings(EMPTY, "select 1 where x >= ? and x < ?", parameters)) == count
