"""Ranges are the text that PostgreSQL prints, with both drivers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from tests.unit.sync.mapping.mapped import identity, user

#: Bounds, and what PostgreSQL 15 prints for them.
RANGES = [
    ((1, 10, "[)"), "[1,10)"),
    ((1, None, "[)"), "[1,)"),
    ((None, None, "()"), "(,)"),
    ((Decimal("1.50"), Decimal(2), "(]"), "(1.50,2]"),
    ((date(2026, 1, 1), date(2026, 2, 1), "[)"), "[2026-01-01,2026-02-01)"),
    (
        (datetime(2026, 1, 1, 10), datetime(2026, 1, 1, 10, 0, 0, 500000), "[)"),
        '["2026-01-01 10:00:00","2026-01-01 10:00:00.5")',
    ),
    (
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5.5))), "[)"),
        '["2026-01-01 00:00:00+00","2026-01-01 00:00:00+05:30")',
    ),
    (("a,b", 'c"d\\', "[]"), '["a,b","c""d\\\\"]'),
    (("", "z", "[]"), '["",z]'),
]


@pytest.fixture(params=["psycopg", "psycopg2"])
def make(request):
    """The range type of a driver."""
    if request.param == "psycopg":
        return pytest.importorskip("psycopg.types.range").Range
    return pytest.importorskip("psycopg2.extras").DateTimeRange


@pytest.mark.parametrize(("bounds", "text"), RANGES)
def test_a_range_is_the_text_that_the_database_prints(make, bounds, text):
    assert user({"p": make(*bounds)}, nested="json") == {"p": text}
    assert user({"p": [make(*bounds)]}) == {"p": text}


def test_an_empty_range_has_no_bounds(make):
    assert user({"p": make(empty=True)}) == {"p": "empty"}


def test_a_range_can_be_a_key(make):
    assert identity(make(1, 5, "[)")) == "[1,5)"


def test_a_multirange_is_a_list_of_ranges():
    psycopg = pytest.importorskip("psycopg.types.multirange")
    ranges = pytest.importorskip("psycopg.types.range")
    value = psycopg.Multirange([ranges.Range(1, 3), ranges.Range(5, 9)])
    assert user({"p": value}) == {"p": "{[1,3),[5,9)}"}
