"""The benchmarks go on to measure what they say."""

from __future__ import annotations

import pytest

from benchmarks import diff, parts, race, table
from benchmarks.sink import sink


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    monkeypatch.setattr(table, "HOME", tmp_path)
    monkeypatch.setattr(table, "SQLITE", tmp_path / "facts.db")
    monkeypatch.setattr(table, "ROWS", 3000)


def test_a_contestant_brings_every_row_in_full_requests_over_few_connections():
    table.make_sqlite()
    with sink(latency_ms=5) as url:
        found = race.run("ours", url, 3000)
    assert found["requests"] == 3
    assert 1 <= found["connections"] <= 4
    assert found["rows_per_second"] > 0


def test_a_contestant_that_loses_rows_does_not_count():
    table.make_sqlite()
    with sink() as url, pytest.raises(SystemExit, match="ours"):
        race.run("ours", url, 9999)


def test_where_the_database_compares_nothing_is_read_that_has_not_changed():
    table.make_sqlite()
    table.store("sqlite", 3000)
    with sink() as url:
        first, unchanged = diff.run_steps("sqlite", "database", url, 3000, diff.STEPS[:2])
    assert first["read_mb"] > 0 == unchanged["read_mb"]


def test_the_parts_are_measured_apart(capsys):
    found = parts.parts(rounds=1)
    assert all(seconds >= 0 for seconds in found.values())
    assert "fetch" in capsys.readouterr().out
