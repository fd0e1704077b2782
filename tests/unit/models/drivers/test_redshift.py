"""Redshift's driver keeps a whole result; rows are fetched from a cursor in the database where it declares one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from airflow_provider_heap.models.drivers.redshift import Redshift, ServerCursor, digits_to_bytes


class Database:
    """A connection and its cursor, which remember statements and refuse to declare cursors if told so."""

    def __init__(self, refuses=False):
        self.statements = []
        self.refuses = refuses
        self.rows = [(1,), (2,), (3,)]
        self.description = [("a", 20)]

    def execute(self, sql, parameters=None):
        self.statements.append(sql)
        if self.refuses and sql.startswith("declare"):
            raise RuntimeError("no")

    def rollback(self):
        self.statements.append("rollback")

    def fetchall(self):
        """Return what a FETCH asked for."""
        count = int(self.statements[-1].split()[2])
        rows, self.rows = self.rows[:count], self.rows[count:]
        return rows

    def fetchmany(self, size):
        rows, self.rows = self.rows[:size], self.rows[size:]
        return rows


def test_rows_are_fetched_from_a_declared_cursor():
    database = Database()
    cursor = ServerCursor(database, database)
    cursor.execute("select a from t where a > %s", [0])
    assert cursor.description == [("a", 20)]
    assert [cursor.fetchmany(1000), cursor.fetchmany(1000)] == [[(1,), (2,), (3,)], []]
    assert database.statements == [
        "declare heap_rows cursor for select a from t where a > %s",
        *["fetch forward 1000 from heap_rows"] * 2,
    ]


@pytest.mark.parametrize(("sql", "warned"), [("select a from t", True), ("show tables", False)])
def test_what_has_no_cursor_is_run_as_it_is_and_a_query_is_warned_of(caplog, sql, warned):
    database = Database(refuses=True)
    cursor = ServerCursor(database, database)
    cursor.execute(sql)
    assert [cursor.fetchmany(2), cursor.fetchmany(2)] == [[(1,), (2,)], [(3,)]]
    assert database.statements[-1] == sql
    assert ("whole result is in memory" in caplog.text) is warned


def test_an_error_is_the_message_of_the_database():
    driver = Redshift(None, "redshift_connector")
    assert driver.error_text(Exception({"S": "ERROR", "C": "42601", "M": "syntax error"})) == "syntax error"
    assert driver.error_text(Exception("gone")) == "gone"


def test_super_is_decoded_and_binary_is_bytes():
    driver = Redshift(None, "redshift_connector")
    converters = driver.converters(None, ["super", "varchar", "varbyte", None])
    assert converters[0](['{"a": 1}', None]) == [{"a": 1}, None]
    assert converters[2] == digits_to_bytes
    assert list(converters) == [0, 2]


@pytest.mark.parametrize(
    ("value", "data"), [("\\x616263", b"abc"), ("616263", b"abc"), ("zz", b"zz"), (None, None), (b"a", b"a")]
)
def test_digits_are_bytes(value, data):
    assert digits_to_bytes([value]) == [data]


def test_types_have_redshifts_names():
    oids = pytest.importorskip("redshift_connector.utils.oids")
    driver = Redshift(None, "redshift_connector")
    cursor = SimpleNamespace(description=[("a", 4000), ("b", 20), ("c", 2950), ("d", -5)])
    assert oids
    assert driver.types(cursor) == ["super", "bigint", "uuid", None]


def test_beside_parameters_only_percent_signs_outside_of_quotes_are_doubled():
    driver = Redshift(None, "redshift_connector")
    assert driver.escape("select 1", [1])("""mod("50%", '5%') % 2""") == """mod("50%", '5%') %% 2"""
    assert driver.escape("select 1", None)("1 % 2") == "1 % 2"
