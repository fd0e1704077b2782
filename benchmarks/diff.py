"""
What it costs to find out what changed where the rows are, against the worker's way, in one run of the benchmark.

``BENCH_DIFF_ROWS`` is how many rows, ``BENCH_DIFF_DATABASES`` which databases: ``sqlite,duckdb,postgres,mariadb``.
What left the database is counted in values: rows that were read, times the mean size of a row's texts.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks import table
from benchmarks.sink import sink

#: Rows of the model.
ROWS = int(os.environ.get("BENCH_DIFF_ROWS", "1_000_000"))
#: The last one is what a run costs in itself: connections, the sync's row.
STEPS = ("first run", "nothing changed", "1 % changed", "no rows")
#: What the database's way makes of rows that Heap has already.
ADOPTED = "adopted"
WAYS = ("worker", "database")
#: What design.md asks for of runs in which nothing changed: the worker's CPU against the worker's way at most, and so
#: many times as fast at least.
TARGETS = {"sqlite": (None, 3.5), "duckdb": (0.2, 9.0), "postgres": (0.01, 1.5), "mariadb": (0.01, 2.5)}


def diff(rounds: int) -> list[dict[str, Any]]:
    """
    Measure, print and return the medians.

    :param rounds: how often each one runs.
    """
    wanted = os.environ.get("BENCH_DIFF_DATABASES", ",".join(TARGETS)).split(",")
    table.make_sqlite()
    makers = {"duckdb": table.make_duckdb, "postgres": table.make_postgres, "mariadb": table.make_mariadb}
    names = [name for name in wanted if name not in makers or makers[name]()]
    for name in names:
        table.store(name, ROWS)
    runs: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    with sink() as url:
        for number in range(rounds):
            for name in names:
                for way in WAYS:
                    print(f"{ROWS:,} rows, round {number + 1} of {rounds}: {name}, the {way} compares", file=sys.stderr)
                    for step, figures in zip(STEPS, run_steps(name, way, url, ROWS), strict=True):
                        runs.setdefault((name, way, step), []).append(figures)
    results = []
    for (name, way, step), some in runs.items():
        medians = {key: statistics.median(one[key] for one in some) for key in some[0]}
        results.append({"name": name, "way": way, "step": step, **medians})
    _show(results)
    return results


def run_steps(name: str, way: str, url: str, rows: int, steps: Sequence[str] = STEPS) -> list[dict[str, Any]]:
    """
    Run steps, each in a process of its own, and return what each took.

    :param name: the database.
    :param way: who compares.
    :param url: address of the sink.
    :param rows: rows of the model.
    :param steps: the steps.
    """
    environment = {
        **os.environ,
        **table.connections(url),
        "AIRFLOW_HOME": str(table.HOME / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONWARNINGS": "ignore",
    }
    figures = []
    for step in steps:
        command = [sys.executable, "-m", "benchmarks.diff", name, way, step, str(rows)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name}, the {way} compares, {step}: it failed:\n{done.stderr[-2000:]}")
        figures.append(json.loads(done.stdout.splitlines()[-1]))
        print(
            "  {:<17}{seconds:>8.1f} s {cpu:>8.2f} CPU s {peak_mb:>6.0f} MB".format(step, **figures[-1]),
            file=sys.stderr,
        )
    return figures


def _show(results: list[dict[str, Any]]) -> None:
    by = {(one["name"], one["way"], one["step"]): one for one in results}
    print(
        f"\n{ROWS:,} rows, medians, the worker's way and then the database's. Seconds, CPU seconds of the worker's "
        "process, its peak in MB, MB of values that left the database\n"
    )
    for name in dict.fromkeys(one["name"] for one in results):
        for step in STEPS:
            worker, database = (by[name, way, step] for way in WAYS)
            print(
                f"{name:<10}{step:<17}"
                + "".join(
                    f"{one['seconds']:>9.1f}{one['cpu']:>8.2f}{one['peak_mb']:>6.0f}{one['read_mb']:>9,.1f}   "
                    for one in (worker, database)
                )
                + f"{worker['seconds'] / database['seconds']:>6.1f} x as fast"
            )
        worker, database = (by[name, way, "nothing changed"] for way in WAYS)
        share, times = TARGETS[name]
        fixed = by[name, "database", "no rows"]["cpu"]
        cpu, speed = database["cpu"] / worker["cpu"], worker["seconds"] / database["seconds"]
        if share is not None:
            print(
                f"  CPU {cpu:.1%}, at most {share:.0%}: {'reached' if cpu <= share else 'MISSED'}; "
                f"{fixed:.2f} s of it whatever the number of rows"
            )
        print(f"  {speed:.1f} times as fast, at least {times}: {'reached' if speed >= times else 'MISSED'}")


def _operator(name: str, way: str, step: str, sync: str) -> Any:
    from airflow_provider_heap.operators.heap import HeapAccountSyncOperator

    condition = f"rowmark < 'r{table.ROWS // 100:07d}'"
    changed = f"case when {condition} then seats + 1 else seats end" if step == STEPS[2] else "seats"
    columns = ", ".join(changed + " as seats" if column == "seats" else column for column in table.COLUMNS)
    return HeapAccountSyncOperator(
        task_id="bench",
        sync_name=sync,
        model=f"select id, {columns} from accounts{' where 1 = 0' if step == STEPS[3] else ''}",
        sql_conn_id=name,
        account_id="id",
        properties=table.COLUMNS,
        state_conn_id="state" if name in ("duckdb", "sqlite") else name,
        diff_schema=table.SCHEMAS[name] if way == "database" else None,
        full_sync=step in (STEPS[0], ADOPTED),
    )


def main() -> None:
    """Run one step, and print what it took."""
    import gc
    import time
    from dataclasses import replace

    from airflow_provider_heap.sync.plan import RunMode
    from benchmarks.contestants import _peak

    name, way, step, rows = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    # Libraries are imported when a run needs them, which costs the same whoever compares, and is not what we measure.
    _operator(name, way, STEPS[3], f"bench-{name}-{way}-imports").execute({})
    gc.collect()
    operator = _operator(name, way, step, f"bench-{name}-{way}")
    cpu, clock = time.process_time(), time.perf_counter()
    if step == ADOPTED:
        plan = replace(operator.plan({}), mode=RunMode.ADOPT)
        operator.open_store()
        report = operator.sync_run(plan).execute().as_dict()
    else:
        report = operator.execute({})
    seconds, cpu = time.perf_counter() - clock, time.process_time() - cpu
    wanted = {
        ADOPTED: (rows, rows),
        STEPS[0]: (rows, rows),
        STEPS[1]: (0, rows),
        STEPS[2]: (rows // 100, rows),
        STEPS[3]: (0, 0),
    }[step]
    assert (report["sent"], report["read"]) == wanted, report
    read_mb = report["read" if way == "worker" else "sent"] * table.row_bytes() / 1e6
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_mb": _peak(), "read_mb": read_mb}))


if __name__ == "__main__":
    main()
