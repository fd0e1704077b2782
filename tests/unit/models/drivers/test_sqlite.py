"""SQLite: JSON where it is declared, and texts of any bytes."""

from __future__ import annotations

import pytest

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.mapping.unreadable import UnreadableValue
from tests.unit.models.drivers.reading import column, read

NOT_UTF8 = "cast(x'636166e9' as text)"


def test_a_column_declared_as_json_is_decoded_and_a_text_is_not(warehouse):
    warehouse.run("create table people (n int, document JSON, note text)")
    warehouse.run("""insert into people values (1, '{"a": 1}', '{"a": 1}'), (2, '"x"', null), (3, null, '')""")
    types, rows = read("warehouse", "select p.*, document as again, document || '' as text from people p order by n;")
    assert types == [None, "json", None, "json", None]
    assert rows == [
        (1, {"a": 1}, '{"a": 1}', {"a": 1}, '{"a": 1}'),
        (2, "x", None, "x", '"x"'),
        (3, None, "", None, None),
    ]


def test_with_parameters_nothing_is_known_of_the_declaration(warehouse):
    warehouse.run("create table people (document json)")
    warehouse.run("""insert into people values ('[1]')""")
    assert read("warehouse", "select * from people where 1 = ?", parameters=[1]) == ([None], [("[1]",)])


@pytest.mark.parametrize("place", [1, 4, 7, 10])
def test_a_text_that_is_not_utf_8_is_unreadable_and_the_other_rows_are_read(warehouse, place):
    warehouse.table("numbers", [{"n": n} for n in range(1, 11)])
    found = column(
        "warehouse", f"select case n when {place} then {NOT_UTF8} else 'é' || n end from numbers", fetch_size=3
    )
    assert found.pop(place - 1) == UnreadableValue("text that is not UTF-8", r"caf\xe9")
    assert found == [f"é{n}" for n in range(1, 11) if n != place]


def test_a_query_that_changes_from_run_to_run_is_refused_with_the_encoding(warehouse):
    with pytest.raises(ModelError, match="not UTF-8"):
        column("warehouse", f"select {NOT_UTF8} order by random()")


def test_nothing_is_left_in_the_database(warehouse):
    warehouse.run("create table people (document json)")
    read("warehouse", "select * from people")
    assert column("warehouse", "select name from sqlite_master") == ["people"]
    warehouse.run("drop table people")
