"""
Measure the list of the page Heap with many syncs: ``python -m benchmarks.page``.

``--database`` names the URL of an empty database instead of SQLite, such as ``postgresql+psycopg2://postgres@127.0.0.1/heap_page``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

DAGS = """
from airflow.providers.common.compat.sdk import DAG
from airflow_provider_heap.operators.heap import HeapUserSyncOperator

for number in range(SYNCS):
    with DAG(dag_id=f"sync_{number:03}", schedule="@hourly", is_paused_upon_creation=False):
        HeapUserSyncOperator(
            task_id="users", model="select * from people", sql_conn_id="warehouse", identity="email",
            properties={f"Property {count}": f"column_{count}" for count in range(20)},
        )
"""


def main() -> None:
    """Fill a database, and print how long the list takes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("--syncs", type=int, default=300)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--database")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="heap-page-") as home:
        os.environ["AIRFLOW_HOME"] = home
        os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
        os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"
        if given.database:
            os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = given.database
        _fill(Path(home), given.syncs, given.runs)
        _measure(given.runs)


def _fill(home: Path, syncs: int, runs: int) -> None:
    from airflow.utils.session import create_session
    from sqlalchemy import text

    from tests.system.page_seed import FACTS
    from tests.unit.ui.seeding import add_runs, counters, store_dag

    dags = store_dag(home, DAGS.replace("SYNCS", str(syncs)), "many")
    value = counters(
        unchanged=40, sent=60, sync=FACTS | {"properties": [[f"Property {n}", f"column_{n}"] for n in range(20)]}
    )
    begin = time.perf_counter()
    for start in range(0, runs, 100):
        numbers = range(start + 1, min(start + 100, runs) + 1)
        add_runs([(dag_id, "users", number, value, {}) for number in numbers for dag_id in dags])
    with create_session() as session:
        # PostgreSQL does this by itself, some time after many rows came.
        session.execute(text("analyze"))
    print(f"{len(dags)} syncs with {runs} runs each, stored in {time.perf_counter() - begin:.0f} s")


def _measure(runs: int) -> None:
    import msgspec

    from airflow_provider_heap.ui.earlier_runs import LastSentReader, count_refused
    from airflow_provider_heap.ui.listing import ListReader
    from airflow_provider_heap.ui.metadata import SyncDagReader, open_session, read_history
    from tests.unit.ui.seeding import MOMENT

    reader, all_syncs = SyncDagReader(), ListReader(LastSentReader())
    with open_session() as session:
        from airflow.models.dag import DagModel

        dag_ids = set(session.scalars(DagModel.__table__.select().with_only_columns(DagModel.dag_id)))

    def read_dags() -> Any:
        with open_session() as session:
            return reader.read(session, dag_ids)

    def read_list() -> bytes:
        with open_session() as session:
            return msgspec.json.encode(all_syncs.read(session, reader.read(session, dag_ids), datetime.now(UTC)))

    def read_days() -> Any:
        last = MOMENT + timedelta(hours=runs)
        with open_session() as session:
            return count_refused(
                session, reader.read(session, dag_ids), [last - timedelta(days=n) for n in range(7, 0, -1)]
            )

    def read_one() -> Any:
        with open_session() as session:
            return read_history(session, min(dag_ids), "users", count=500)

    print(f"DAGs, the first time      {_milliseconds(read_dags, 1):8.0f} ms")
    print(f"DAGs, when none changed   {_milliseconds(read_dags):8.0f} ms")
    print(f"the list, the first time  {_milliseconds(read_list, 1):8.0f} ms")
    print(f"the list, after that       {_milliseconds(read_list):8.0f} ms, {len(read_list()):,} bytes of JSON")
    print(f"refused rows of 7 days    {_milliseconds(read_days, 3):8.0f} ms")
    print(f"500 runs of one sync      {_milliseconds(read_one):8.0f} ms")


def _milliseconds(function: Callable[[], Any], times: int = 9) -> float:
    spent = []
    for _ in range(times):
        begin = time.perf_counter()
        function()
        spent.append(time.perf_counter() - begin)
    return 1000 * statistics.median(spent)


if __name__ == "__main__":
    main()
