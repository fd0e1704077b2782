"""What it costs to find out that nothing changed, against the floor of those who send everything."""

from __future__ import annotations

import statistics
import sys
from typing import Any

from benchmarks import table
from benchmarks.contestants import CONTESTANTS
from benchmarks.race import run
from benchmarks.sink import sink

#: What design.md asks for: at least so much of the floor's rows a second.
TARGETS = {"unchanged_sqlite": 0.5, "unchanged_postgres": 0.3}


def unchanged(rounds: int) -> list[dict[str, Any]]:
    """
    Measure, print and return the medians.

    :param rounds: how often each one runs.
    """
    table.make_sqlite()
    names = ["floor", "unchanged_sqlite"]
    names += ["unchanged_postgres"] if table.make_postgres() else []
    names += ["unchanged_mariadb"] if table.make_mariadb() else []
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    with sink() as url:
        for number in range(rounds):
            for name in names:
                print(f"nothing changed, round {number + 1} of {rounds}: {name}", file=sys.stderr)
                runs[name].append(run(name, url, table.ROWS))
    results = [
        {"name": name, **{key: statistics.median(one[key] for one in found) for key in found[0]}}
        for name, found in runs.items()
    ]
    print(f"\n{table.ROWS:,} rows of which none changed, medians; x: times the floor\n")
    for one in results:
        ratio = one["rows_per_second"] / results[0]["rows_per_second"]
        wanted = TARGETS.get(one["name"])
        verdict = f"at least {wanted:.2f}: {'reached' if ratio >= wanted else 'MISSED'}" if wanted else ""
        print(
            f"{one['name']:<20}{one['rows_per_second']:>12,.0f} rows/s {ratio:>6.2f} x "
            f"{one['cpu_per_100k']:>6.2f} CPU s   {CONTESTANTS[one['name']].__doc__}   {verdict}"
        )
    return results
