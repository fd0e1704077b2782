"""A value that the driver could not read makes its row invalid, wherever it is; the other rows go on."""

from __future__ import annotations

import pytest

from airflow_provider_heap.sync.mapping import RowTemplate
from airflow_provider_heap.sync.mapping.unreadable import UnreadableValue
from tests.unit.sync.mapping.mapped import event, identity, invalid_user, one_user

VALUE = UnreadableValue("timestamp after the year 9999", "20000-01-01 00:00:00")


@pytest.mark.parametrize("value", [VALUE, [1, VALUE], {"a": VALUE}, {"a": [{"b": VALUE}]}])
@pytest.mark.parametrize("nested", ["flatten", "json"])
def test_in_a_property(value, nested):
    wanted = ("unreadable_value", "until", "timestamp after the year 9999")
    assert invalid_user({"until": value}, nested=nested) == wanted


def test_in_a_field():
    assert identity(VALUE) == ("unreadable_value", VALUE.detail)
    assert event(VALUE) == ("unreadable_value", VALUE.detail)


def test_in_a_column_of_a_template():
    wanted = ("unreadable_value", "until", VALUE.detail)
    assert invalid_user({"until": VALUE}, properties={"Until": RowTemplate("{{ until }}")}) == wanted


def test_in_a_column_that_is_not_mapped_it_does_no_harm():
    assert one_user({"until": VALUE}, properties={}).invalid == ()


def test_the_rejects_file_has_its_text_and_the_log_does_not():
    [row] = one_user({"until": VALUE}).invalid
    assert str(row.values["until"]) == "20000-01-01 00:00:00"
    assert "20000" not in row.detail
