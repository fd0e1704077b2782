"""The race: everybody in turn, round after round, so that a slow minute of the machine hits all of them."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from typing import Any

from benchmarks import table
from benchmarks.contestants import CONTESTANTS
from benchmarks.sink import sink, stats

RACERS = ["floor", "session", "python_operator", "dlt", "ours", "ours_8"]
LATENCIES = (0, 50)

#: What design.md asks for: (what, latency in ms, contestant, figure, other contestant, at least or at most, how much).
TARGETS = [
    ("rows/s against the floor", 0, "ours", "rows_per_second", "floor", "at least", 0.8),
    ("rows/s against the floor, concurrency=8", 50, "ours_8", "rows_per_second", "floor", "at least", 0.95),
    ("CPU against the floor", 0, "ours", "cpu_per_100k", "floor", "at most", 1.3),
    ("rows/s against dlt", 0, "ours", "rows_per_second", "dlt", "at least", 12.0),
]


def run(name: str, url: str, rows: int) -> dict[str, Any]:
    """
    Run one contestant in a process of its own, and check that all rows arrived.

    :param name: the contestant's.
    :param url: the sink's.
    :param rows: how many rows.
    """
    stats(url)
    environment = {
        **os.environ,
        **table.connections(url),
        "AIRFLOW_HOME": str(table.HOME / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONWARNINGS": "ignore",
    }
    command = [sys.executable, "-m", "benchmarks.contestants", name, url, str(rows)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    counted = stats(url)
    if counted["rows"] != rows:
        raise SystemExit(f"{name} brought {counted['rows']:,} of {rows:,} rows.")
    return {
        "rows_per_second": rows / found["seconds"],
        "cpu_per_100k": found["cpu"] * 100_000 / rows,
        "peak_mb": found["peak_mb"],
        "requests": counted["requests"],
        "connections": counted["connections"] - 1,  # the one that asked for the counts
    }


def race(rounds: int) -> list[dict[str, Any]]:
    """
    Race, print the table, and return the medians.

    :param rounds: how often each one runs.
    """
    table.make_sqlite()
    results = []
    for latency in LATENCIES:
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in RACERS}
        with sink(latency) as url:
            for number in range(rounds):
                for name in RACERS:
                    print(f"{latency} ms a reply, round {number + 1} of {rounds}: {name}", file=sys.stderr)
                    runs[name].append(run(name, url, table.ROWS))
        for name, found in runs.items():
            medians = {key: statistics.median(one[key] for one in found) for key in found[0]}
            spread = [min(one["rows_per_second"] for one in found), max(one["rows_per_second"] for one in found)]
            results.append({"name": name, "latency_ms": latency, **medians, "spread": spread})
    show(results)
    return results


def show(results: list[dict[str, Any]]) -> None:
    """
    Print the table and the ratios.

    :param results: the medians.
    """
    by = {(one["name"], one["latency_ms"]): one for one in results}
    print(f"\n{table.ROWS:,} rows, medians; x: times the floor\n")
    print(f"{'':<17}{'0 ms: rows/s':>13}{'x':>7}{'CPU s':>8}{'x':>7}{'50 ms: rows/s':>15}{'x':>7}{'peak MB':>9}")
    floor = [by["floor", latency] for latency in LATENCIES]
    for name in RACERS:
        quick, slow = (by[name, latency] for latency in LATENCIES)
        speeds = [one["rows_per_second"] / at["rows_per_second"] for one, at in zip((quick, slow), floor, strict=True)]
        print(
            f"{name:<17}{quick['rows_per_second']:>13,.0f}{speeds[0]:>7.2f}{quick['cpu_per_100k']:>8.2f}"
            f"{quick['cpu_per_100k'] / floor[0]['cpu_per_100k']:>7.2f}{slow['rows_per_second']:>15,.0f}"
            f"{speeds[1]:>7.2f}{quick['peak_mb']:>9.0f}   {CONTESTANTS[name].__doc__}"
        )
    print()
    for what, latency, name, figure, other, sense, wanted in TARGETS:
        ratio = by[name, latency][figure] / by[other, latency][figure]
        reached = ratio >= wanted if sense == "at least" else ratio <= wanted
        print(f"{what:<42}{latency:>3} ms {ratio:>7.2f}   {sense} {wanted}: {'reached' if reached else 'MISSED'}")
