"""The errors of a chunk's rows."""

from __future__ import annotations

from airflow_provider_heap.sync.mapping.row_errors import RowError, RowErrors


def test_the_first_error_of_a_row_is_kept():
    errors = RowErrors()
    errors.add(3, "no_json_form", "plan")
    errors.add(3, "name_collision", "seats")
    assert errors[3] == RowError("no_json_form", "plan")
    assert len(errors) == 1


def test_rows_come_in_the_order_of_the_chunk():
    errors = RowErrors()
    for row in (7, 2, 5):
        errors.add(row, "template_error", None)
    assert [row for row, _ in errors.items()] == [2, 5, 7]
    assert 2 in errors
    assert 3 not in errors
