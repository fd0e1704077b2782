"""Words that messages share."""

import pytest

from airflow_provider_heap.wording import closest, counted, did_you_mean

NAMES = ["nc_users", "nc_orders", "identity", "Lifetime Value"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("nc_user", "nc_users"),
        ("identty", "identity"),
        ("IDENTITY", "identity"),
        ("lifetime value", "Lifetime Value"),
        ("xyz", None),
    ],
)
def test_the_closest_name_is_found_whatever_its_case(typed, meant):
    assert closest(typed, NAMES) == meant


def test_a_suggestion_is_a_question_and_nothing_where_no_name_is_alike():
    assert did_you_mean("nc_user", NAMES) == " Did you mean 'nc_users'?"
    assert did_you_mean("xyz", NAMES) == ""
    assert did_you_mean("xyz", []) == ""


@pytest.mark.parametrize(("count", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (2000, "2,000 rows")])
def test_one_is_singular_and_thousands_are_grouped(count, text):
    assert counted(count, "row") == text
