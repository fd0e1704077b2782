"""
A hundred million rows in DuckDB, compared there: what a run costs in which nothing has changed.

``BENCH_LARGE_ROWS`` is how many rows. They are adopted first: to send so many says nothing about the comparison.
"""

from __future__ import annotations

import os
from typing import Any

from benchmarks import table
from benchmarks.diff import ADOPTED, STEPS, run_steps
from benchmarks.sink import sink

#: Rows of the model.
ROWS = int(os.environ.get("BENCH_LARGE_ROWS", "100_000_000"))
#: CPU seconds at most for a hundred million rows of which none has changed.
TARGET = 200.0


def large() -> list[dict[str, Any]]:
    """Measure, print and return what each step took."""
    if not table.make_duckdb():
        return []
    table.store("duckdb", ROWS)
    steps = (ADOPTED, *STEPS[1:3])
    with sink() as url:
        results = run_steps("duckdb", "database", url, ROWS, steps)
    print(f"\n{ROWS:,} rows in DuckDB: seconds, CPU seconds, peak in MB\n")
    for step, one in zip(steps, results, strict=True):
        print(f"{step:<17}{one['seconds']:>9.1f}{one['cpu']:>9.1f}{one['peak_mb']:>8.0f}")
    goal = TARGET * ROWS / 100_000_000
    cpu = results[1]["cpu"]
    print(f"  {cpu:.0f} CPU s when nothing changed, at most {goal:.0f}: {'reached' if cpu <= goal else 'MISSED'}")
    return [{"rows": ROWS, "step": step, **one} for step, one in zip(steps, results, strict=True)]
