"""
Those who bring the table to the sink, each in a process of its own.

    python -m benchmarks.contestants NAME URL ROWS

A contestant imports what it needs, yields, does the work and returns when the last reply is in. Time and CPU count from
the yield on. Airflow imports a good part of itself when a hook runs its first statement, so those who use it run one on
no rows before. Options are the library's defaults unless the name says otherwise.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import table

APP_ID = "123456789"
PATH = "/api/track"
JSON = {"Content-Type": "application/json"}

Contestant = Callable[[str, int], Iterator[None]]


def floor(url: str, rows: int) -> Iterator[None]:
    """fetch, orjson, http.client, 8 threads; no checks, no keys"""
    import http.client
    import threading
    from concurrent.futures import ThreadPoolExecutor

    import orjson

    local, address = threading.local(), url.split("//")[1]

    def send(body: bytes) -> None:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection(address)
        local.connection.request("POST", PATH, body, JSON)
        answer = local.connection.getresponse()
        assert answer.status == 200
        answer.read()

    yield
    with ThreadPoolExecutor(8) as pool:
        sent = []
        for chunk in _chunks(rows):
            sent.append(pool.submit(send, orjson.dumps(_body(chunk))))
            if len(sent) >= 16:
                sent.pop(0).result()
        for request in sent:
            request.result()


def session(url: str, rows: int) -> Iterator[None]:
    """requests.Session and json, one thread; no checks, no keys"""
    import requests

    yield
    with requests.Session() as connection:
        for chunk in _chunks(rows):
            connection.post(url + PATH, json=_body(chunk)).raise_for_status()


def python_operator(url: str, rows: int) -> Iterator[None]:
    """what people write in a PythonOperator: get_records and requests.post"""
    import requests
    from airflow.providers.sqlite.hooks.sqlite import SqliteHook

    SqliteHook("sqlite").get_records(table.sql(0))
    yield
    found = SqliteHook("sqlite").get_records(table.sql(rows))
    for start in range(0, len(found), 1000):
        requests.post(url + PATH, json=_body(found[start : start + 1000])).raise_for_status()


def dlt(url: str, rows: int) -> Iterator[None]:
    """dlt: sql_table and a custom destination, batches of 1000"""
    import tempfile

    os.environ.update(RUNTIME__DLTHUB_TELEMETRY="false", RUNTIME__LOG_LEVEL="ERROR")
    import dlt as library
    import requests
    from dlt.sources.sql_database import sql_table

    connection = requests.Session()

    def sink(items: list[dict[str, Any]], _: Any) -> None:
        events = []
        for item in items:
            who, when = item.pop("user_email"), item.pop("occurred_at")
            events.append({"identity": who, "event": table.EVENT, "timestamp": str(when), "properties": item})
        connection.post(url + PATH, json={"app_id": APP_ID, "events": events}).raise_for_status()

    destination = library.destination(name="sink", batch_size=1000)(sink)
    yield
    with tempfile.TemporaryDirectory() as home:
        pipeline = library.pipeline("bench", destination=destination, pipelines_dir=home)
        source = sql_table(credentials=f"sqlite:///{table.SQLITE}", table="facts")
        pipeline.run(source.add_limit(max_items=rows, count_rows=True))


def ours(url: str, rows: int, concurrency: int = 4) -> Iterator[None]:
    """this package: HeapEventSyncOperator.execute, every check, key and counter on"""
    yield from _sync("sqlite", rows, concurrency)


def ours_8(url: str, rows: int) -> Iterator[None]:
    """this package with concurrency=8"""
    yield from ours(url, rows, concurrency=8)


def ours_postgres(url: str, rows: int) -> Iterator[None]:
    """this package, from PostgreSQL"""
    yield from _sync("postgres", rows)


def ours_mariadb(url: str, rows: int) -> Iterator[None]:
    """this package, from MariaDB"""
    yield from _sync("mariadb", rows)


def unchanged_sqlite(url: str, rows: int) -> Iterator[None]:
    """this package, a second run in which nothing changed, with state in SQLite"""
    yield from _unchanged("state", rows)


def unchanged_postgres(url: str, rows: int) -> Iterator[None]:
    """the same, with state in PostgreSQL"""
    yield from _unchanged("postgres", rows)


def unchanged_mariadb(url: str, rows: int) -> Iterator[None]:
    """the same, with state in MariaDB"""
    yield from _unchanged("mariadb", rows)


CONTESTANTS: dict[str, Contestant] = {
    contestant.__name__: contestant
    for contestant in (
        floor,
        session,
        python_operator,
        dlt,
        ours,
        ours_8,
        ours_postgres,
        ours_mariadb,
        unchanged_sqlite,
        unchanged_postgres,
        unchanged_mariadb,
    )
}


def _chunks(rows: int) -> Iterator[list[tuple[Any, ...]]]:
    cursor = sqlite3.connect(table.SQLITE).execute(table.sql(rows))
    while chunk := cursor.fetchmany(1000):
        yield chunk


def _body(rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    return {"app_id": APP_ID, "events": [table.event(row) for row in rows]}


def _sync(sql_conn_id: str, rows: int, concurrency: int = 4) -> Iterator[None]:
    _operator(table.sql(0), sql_conn_id, concurrency).execute({})
    operator = _operator(table.sql(rows), sql_conn_id, concurrency)
    yield
    assert operator.execute({})["sent"] == rows


def _unchanged(state_conn_id: str, rows: int) -> Iterator[None]:
    """Send all rows before the clock starts, and compare them again when it runs."""
    from airflow_provider_heap.operators.heap import HeapAccountSyncOperator

    operator = HeapAccountSyncOperator(
        task_id="bench",
        model=table.sql(rows),
        sql_conn_id="sqlite",
        account_id="rowmark",
        properties=table.PROPERTIES,
        state_conn_id=state_conn_id,
        full_sync=True,
    )
    assert operator.execute({})["sent"] == rows
    operator.full_sync = False
    yield
    found = operator.execute({})
    assert (found["unchanged"], found["requests"]) == (rows, 0)


def _operator(model: str, sql_conn_id: str, concurrency: int) -> Any:
    from airflow_provider_heap.operators.heap import HeapEventSyncOperator

    return HeapEventSyncOperator(
        task_id="bench",
        model=model,
        sql_conn_id=sql_conn_id,
        insert_id="rowmark",
        identity="user_email",
        event=table.EVENT,
        timestamp="occurred_at",
        properties=table.PROPERTIES,
        concurrency=concurrency,
        rate_limit=0,
    )


def _peak() -> float:
    """Return the most memory that this process had, in MB."""
    try:
        # What getrusage tells includes the process that started this one.
        return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024  # type: ignore[index]
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Run one contestant, and print what it took."""
    name, url, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
    steps = CONTESTANTS[name](url, rows)
    next(steps)
    cpu, clock = time.process_time(), time.perf_counter()
    next(steps, None)
    seconds, cpu = time.perf_counter() - clock, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_mb": _peak()}))


if __name__ == "__main__":
    main()
