"""What commands print can be read in a terminal of 60, 80 and 120 columns."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from tests.integration.cli.terminal import screens

WIDTHS = (60, 80, 120)
#: The tutorial's table, and one of 40 columns with long names and values.
ONE_ROW = ("preview", "people", "tutorial", "--key", "ann@example.com")
TABLES = """
create table people (email text, plan text, seats integer, trial_ends_at text);
insert into people values ('ann@example.com', 'pro', 12, '2026-12-01 09:00:00'),
    ('bob@example.com', 'free', 1, '2026-11-30 09:00:00'), ('cy@example.com', 'team', 40, '2026-11-29 09:00:00');
"""
NAMES = {f"Property Number {n} of a Customer": f"property_number_{n}_of_customer" for n in range(1, 41)}
DAG = f"""
with DAG(dag_id="people", schedule=None):
    common = dict(sql_conn_id="warehouse", identity="email", state_conn_id="state")
    HeapUserSyncOperator(task_id="tutorial", model="select email, plan, seats, trial_ends_at from people",
                         properties={{"Plan": "plan", "Seats": "seats", "Trial End": "trial_ends_at"}}, **common)
    HeapUserSyncOperator(task_id="wide", model="select * from wide", properties={NAMES!r}, **common)
"""


@pytest.fixture(autouse=True)
def _dags(dag_file, warehouse, heap_sandbox, tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_STATE", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "state.db")}))
    with closing(sqlite3.connect(warehouse.path)) as database, database:
        database.executescript(TABLES)
        database.execute(f"create table wide (email text, {', '.join(f'{name} text' for name in NAMES.values())})")
        for person in "abc":
            values = [f"a long value that nobody can read at once, of {person}, {n}" for n in range(1, 41)]
            database.execute(f"insert into wide values (?{', ?' * 40})", [f"{person}@example.com", *values])
    dag_file(DAG)


def test_a_preview_shows_all_names_at_any_width_and_samples_in_the_rest():
    commands = [(width, ["preview", "people", task]) for task in ("tutorial", "wide") for width in WIDTHS]
    shown = screens(*commands)
    for (width, _), lines in zip(commands, shown, strict=True):
        assert max(map(len, lines)) <= width
    for lines in shown[:3]:
        text = "\n".join(lines)
        for name in (
            "Heap property",
            "← column",
            "Plan",
            "plan",
            "Seats",
            "seats",
            "Trial End",
            "trial_ends_at",
            '"pro"',
        ):
            assert name in text
        row = next(line for line in lines if "Trial End" in line)
        assert all(part in row for part in ("trial_ends_at", "str", '"2026-12-01'))
    assert '"2026-12-01 09:00:00", "2026-11-30 09:00:00"' in "\n".join(shown[2])
    for width, lines in zip(WIDTHS, shown[3:], strict=True):
        for name, column in NAMES.items():
            # Where a table has no room for names and samples, each property has a paragraph of its own.
            place = next(place for place, line in enumerate(lines) if name in line)
            assert column in "".join(lines[place : place + 2])
            samples = lines[place] if width == 120 else "".join(lines[place : place + 3])
            assert '"a long value' in samples


def test_one_row_is_readable_at_any_width():
    for width, lines in zip(WIDTHS, screens(*[(w, [*ONE_ROW]) for w in WIDTHS]), strict=True):
        assert max(map(len, lines)) <= width
        row = next(line for line in lines if "Trial End" in line)
        assert all(part in row for part in ("trial_ends_at", "str", '"2026-12-01'))
        assert any("new: the key is not recorded" in line for line in lines)


def test_the_state_is_a_list_that_no_width_breaks_into_columns():
    for lines in screens(*[(width, ["state", "show", "people", "tutorial"]) for width in WIDTHS]):
        names = [line[:13].strip() for line in lines if not line.startswith(" ")]
        assert names == ["sync", "object", "target", "app id", "keys", "last run", "last run at", "table"]
        assert "people.tutorial" in lines[0]
