"""The table of hashes is read and written by itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import connect

KEYS = [f"{n:032x}" for n in range(1, 1203)]


@pytest.fixture
def table(heap_sandbox, source, users, ti):
    source.run("create table users (email varchar(200), n integer)")
    operator = users()
    comparison = operator.comparison(operator.plan({"ti": ti}))
    comparison.prepare(clear=False)
    return comparison


def test_records_are_written_counted_read_and_forgotten(table):
    assert table.write_records((key, "f" * 32, 7) for key in KEYS) == len(KEYS)
    assert table.write_records([(KEYS[0], "e" * 32, 9)]) == 1
    assert table.size() == len(KEYS)
    assert sorted(table.records())[0] == (KEYS[0], "e" * 32, 9)
    assert (table.sent_at(KEYS[0]), table.sent_at(KEYS[1]), table.sent_at("a" * 32)) == (9, 7, None)
    table.forget(KEYS[1:])
    assert table.size() == 1
    assert table.prepare(clear=False) is True
    table.forget_before(9)
    assert table.size() == 1
    table.forget_before(10)
    assert table.prepare(clear=False) is False


def test_clearing_forgets_all(table):
    table.write_records([(KEYS[0], "e" * 32, 9)])
    assert table.prepare(clear=True) is False
    assert table.size() == 0


@pytest.mark.parametrize("source", ["pg"], indirect=True)
def test_a_table_that_somebody_else_creates_at_the_same_moment_is_taken(table, source):
    table.drop(table.sent_table)
    [[schema]] = source.run("select current_schema()")
    waiting = (
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like 'create table if not%'"
    )
    with connect() as other, ThreadPoolExecutor(1) as threads:
        other.execute(f"begin; set search_path to {schema}; {table.statements.create_sent}")
        prepared = threads.submit(table.prepare, clear=False)
        while source.run(waiting) == [(0,)] and not prepared.done():
            pass
        other.execute("commit")
        assert prepared.result() is False
