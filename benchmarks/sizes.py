"""What more rows cost: time and peak memory at 100 thousand, 1 and 5 million rows, from each database at hand."""

from __future__ import annotations

import sys
from typing import Any

from benchmarks import table
from benchmarks.race import run
from benchmarks.sink import sink

SIZES = (100_000, 1_000_000, 5_000_000)
#: Megabytes by which the peak may grow from the first size to the last.
GROWTH = 30


def sizes() -> list[dict[str, Any]]:
    """Measure, print and return."""
    table.make_sqlite()
    databases = {"SQLite": "ours"}
    if table.make_postgres():
        databases["PostgreSQL"] = "ours_postgres"
    if table.make_mariadb():
        databases["MariaDB"] = "ours_mariadb"
    results = []
    with sink() as url:
        for database, name in databases.items():
            for rows in SIZES:
                print(f"{database}, {rows:,} rows", file=sys.stderr)
                results.append({"database": database, "rows": rows, **run(name, url, rows)})
    print(f"\n{'':<12}{'rows':>12}{'rows/s':>12}{'CPU s/100k':>12}{'peak MB':>10}\n")
    for one in results:
        print(
            f"{one['database']:<12}{one['rows']:>12,}{one['rows_per_second']:>12,.0f}{one['cpu_per_100k']:>12.2f}"
            f"{one['peak_mb']:>10.0f}"
        )
    print()
    for database in databases:
        peaks = [one["peak_mb"] for one in results if one["database"] == database]
        grown = peaks[-1] - peaks[0]
        verdict = "reached" if grown <= GROWTH else "MISSED"
        print(f"{database}: the peak grows by {grown:.0f} MB; at most {GROWTH}: {verdict}")
    return results
