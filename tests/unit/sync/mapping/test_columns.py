"""Columns are found by the names that users write."""

from __future__ import annotations

import pytest

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.mapping.columns import ColumnIndex


def test_an_exact_name_comes_before_one_that_differs_in_case():
    assert ColumnIndex(["PLAN", "plan"]).position("plan", "property 'Plan'") == 1
    assert ColumnIndex(["PLAN", "SEATS"]).position("plan", "property 'Plan'") == 0


def test_two_names_that_differ_in_case_alone_match_neither():
    with pytest.raises(ModelError, match=r"identity needs the column 'email'.*'EMAIL', 'Email' differ"):
        ColumnIndex(["EMAIL", "Email"]).position("email", "identity")


def test_a_missing_column_is_reported_with_the_columns_that_there_are():
    with pytest.raises(ModelError, match=r"'Plan' needs the column 'plam': no such column.*has: 'email', 'plan'"):
        ColumnIndex(["email", "plan"]).position("plam", "property 'Plan'")


def test_a_column_that_comes_twice_is_refused():
    with pytest.raises(ModelError, match="more than one column named 'plan'; give each an alias"):
        ColumnIndex(["email", "plan", "plan"])
