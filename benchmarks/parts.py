"""Where the time goes: each part of a row's way alone, in CPU seconds for 100,000 rows."""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from airflow_provider_heap.api.client import HeapClient
from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import EVENT
from airflow_provider_heap.sync.delivery.spool import Spool
from airflow_provider_heap.sync.mapping import Constant, FieldMapping
from airflow_provider_heap.sync.mapping.encoder import ItemEncoder
from benchmarks import table
from benchmarks.sink import sink


def parts(rounds: int) -> dict[str, float]:
    """
    Measure, print and return the parts.

    :param rounds: how often each is measured; the median counts.
    """
    table.make_sqlite()
    rows = sqlite3.connect(table.SQLITE).execute(table.sql(table.ROWS)).fetchall()
    chunks = [rows[start : start + 1000] for start in range(0, len(rows), 1000)]
    columns = [list(zip(*chunk, strict=True)) for chunk in chunks]
    fields = {"event": Constant(table.EVENT), "identity": "user_email", "timestamp": "occurred_at"}
    mapping = FieldMapping(EVENT, {**fields, "idempotency_key": "rowmark"}, table.PROPERTIES).bind(table.COLUMNS)
    shape = ItemEncoder(["identity", "timestamp"], table.PROPERTIES)
    items = [mapping.map(chunk, 1).items for chunk in chunks]

    def fetch() -> None:
        cursor = sqlite3.connect(table.SQLITE).execute(table.sql(table.ROWS))
        while cursor.fetchmany(1000):
            pass

    def spool() -> None:
        disk = Spool()
        for batch in items:
            disk.put(batch)
        for _ in items:
            disk.get()
        disk.close()

    found: dict[str, float] = {}
    with sink() as url:
        client = HeapClient(Environment.parse(app_id="1", region=None, host=url, port=None, timeout=None, name="bench"))
        with suppress(ImportError):
            import orjson

            found["floor: build and encode with orjson"] = _cpu(
                lambda: [orjson.dumps([table.event(row) for row in chunk]) for chunk in chunks], rounds
            )
        found |= {
            "fetch (sqlite3, 1000 at a time)": _cpu(fetch, rounds),
            "map: checks, keys, timestamps, encoding": _cpu(lambda: [mapping.map(c, 1) for c in chunks], rounds),
            "  of which encode": _cpu(lambda: [shape.encode(chunk, len(chunk[0])) for chunk in columns], rounds),
            "post (requests, one thread)": _cpu(
                lambda: [client.send(EVENT, batch.bodies.joined()) for batch in items], rounds
            ),
            "disk: write and read, when Heap is slow": _cpu(spool, rounds),
        }
    print("\nCPU seconds for 100,000 rows, medians\n")
    for name, seconds in found.items():
        print(f"{name:<42}{seconds:>7.3f}")
    return found


def _cpu(work: Callable[[], Any], rounds: int) -> float:
    measured = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        measured.append(time.process_time() - began)
    return statistics.median(measured)
