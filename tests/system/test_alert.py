"""The callback that the docs show, in a real run."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.conftest import ROOT
from tests.system.dags import load, task_instances


def tell(context):
    """Say what a failed sync did; to be a task's on_failure_callback."""
    report = getattr(context["exception"], "report", None) or {}
    print(f"{context['ti'].task_id}: {report.get('sent', 0)} rows sent, the others: {report.get('reasons', {})}")


def test_a_callback_tells_what_arrived_before_the_task_failed(heap_sandbox, warehouse, capsys):
    with closing(sqlite3.connect(warehouse.path)) as database:
        database.executescript((ROOT / "dags" / "sql" / "first_sync.sql").read_text())
    dag = load(ROOT / "dags" / "heap_first_sync.py")["heap_first_sync"]
    people = dag.get_task("people")
    people.max_rejected = 0
    people.on_failure_callback = [tell]
    [ti] = task_instances(dag)
    assert str(ti.state) == "failed"
    assert "people: 3 rows sent, the others: {'identity_null': 1}" in capsys.readouterr().out
