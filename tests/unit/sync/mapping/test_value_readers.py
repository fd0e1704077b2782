"""What fills a field or a property: a column, a constant, or a template."""

from __future__ import annotations

import pytest

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.mapping import Constant, RowTemplate
from airflow_provider_heap.sync.mapping.columns import ColumnIndex
from airflow_provider_heap.sync.mapping.row_errors import RowErrors
from airflow_provider_heap.sync.mapping.value_readers import bind_value

COLUMNS = ColumnIndex(["FIRST", "last"])
CHUNK = [("Ada", "Bob"), ("L", "B")]


@pytest.mark.parametrize(
    ("value", "column", "positions", "values"),
    [
        ("last", "last", {1}, ("L", "B")),
        ("first", "FIRST", {0}, ("Ada", "Bob")),
        (Constant(7), None, set(), [7, 7]),
        (RowTemplate("{{ last }}, {{ first }}"), None, {0, 1}, ["L, Ada", "B, Bob"]),
    ],
)
def test_a_reader_knows_its_columns_and_gives_one_value_a_row(value, column, positions, values):
    reader = bind_value(value, COLUMNS, "property 'p'")
    assert (reader.column, reader.positions) == (column, positions)
    assert reader.read(CHUNK, 2, RowErrors()) == values


def test_anything_else_is_refused():
    with pytest.raises(ModelError, match="property 'p' takes a column's name, a Constant or a RowTemplate; found int"):
        bind_value(5, COLUMNS, "property 'p'")
