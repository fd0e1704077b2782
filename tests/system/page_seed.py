"""
Fill the database of another Airflow for the page Heap: ``python -m tests.system.page_seed FOLDER``.

It runs in that Airflow's environment, which may be of another version than the tests'.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

DAG = """
from airflow.providers.common.compat.sdk import DAG, Asset
from airflow_provider_heap.operators.heap import (
    Constant, HeapAccountSyncOperator, HeapEventSyncOperator, HeapUserSyncOperator
)

with DAG(dag_id="crm", schedule="@hourly", is_paused_upon_creation=False, params={"dry_run": False}):
    HeapUserSyncOperator(
        task_id="users", model="select email, plan, seats from people", sql_conn_id="warehouse", identity="email",
        properties={"Plan": "plan", "Seats": "seats", "Source": Constant("crm")}, dry_run="{{ params.dry_run }}",
        min_rows=1000, outlets=[Asset("heap://heapanalytics.com/2388822444/users")],
    )
    HeapAccountSyncOperator(task_id="accounts", model="accounts.sql", sql_conn_id="warehouse")

with DAG(dag_id="shop", schedule="@hourly", is_paused_upon_creation=False):
    HeapEventSyncOperator.partial(
        task_id="orders", model="select * from orders where shard = %(shard)s", sql_conn_id="warehouse",
        identity="email", insert_id="n", timestamp="at", event="Order",
    ).expand(parameters=[{"shard": number} for number in range(3)])
    HeapUserSyncOperator(task_id="shoppers", model="select 1", sql_conn_id="warehouse")
    HeapEventSyncOperator(
        task_id="refunds", model="select 1", sql_conn_id="warehouse", identity="e", insert_id="n", timestamp="t",
        event="Refund",
    )
    HeapUserSyncOperator(task_id="elsewhere", model="select 1", sql_conn_id="warehouse")

with DAG(dag_id="old", schedule=None, is_paused_upon_creation=True):
    HeapUserSyncOperator(task_id="users", model="select 1", sql_conn_id="warehouse")
"""

FACTS = {
    "name": "crm.users",
    "object": "user",
    "behaviour": "update or create",
    "source": "query",
    "target": {
        "app_id": "2388822444",
        "region": "us",
        "host": "https://heapanalytics.com",
        "connection": "heap_default",
    },
    "key": {"field": "identity", "columns": ["email"]},
    "fields": [["identity", "email"]],
    "properties": [["Plan", "plan"], ["Seats", "seats"], ["Source", {"constant": "crm"}]],
    "guards": {"min_rows": 1000},
    "max_rejected": 0.01,
    "state": {"table": "heap_sync_state", "connection": "warehouse", "full_sync": False, "new_keys": 12},
}
LINES = [
    {
        "row": 1201,
        "kind": "invalid",
        "reason": "identity_null",
        "column": "email",
        "values": {"email": None, "plan": "pro", "seats": 12},
    },
    {
        "row": 1207,
        "kind": "invalid",
        "reason": "identity_null",
        "column": "email",
        "values": {"email": None, "plan": "free", "seats": 1},
    },
    {
        "row": 1950,
        "kind": "rejected",
        "reason": "http_400",
        "sync": "crm.users",
        "object": "user",
        "item": {"identity": "ada@example.com", "properties": {"Plan": "pro", "Seats": 3, "Source": "crm"}},
        "answer": "postBody.users[0].identity is not allowed",
    },
]


def _refuse(
    folder: Path, dag_id: str, task_id: str, number: int, name: str, lines: list[dict[str, Any]]
) -> dict[str, Any]:
    """Write a rejects file; return the counters of its run that are about it."""
    path = folder / "rejects" / dag_id / task_id / f"scheduled__{number:04}" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    kinds = [line["kind"] for line in lines]
    return {
        "invalid": kinds.count("invalid"),
        "rejected": kinds.count("rejected"),
        "reasons": dict(Counter(line["reason"] for line in lines)),
        "rejects": str(path),
    }


def main(folder: Path) -> None:
    """Store the DAGs and their runs."""
    from tests.unit.ui.seeding import add_runs, counters, store_dag

    store_dag(folder, DAG, "page_dags")
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    first, last = now - timedelta(hours=501), 500
    # The run that was due at noon two days ago, longer ago than the list's bars.
    earlier = last + 1 - now.hour - 36
    runs = []
    for number in range(1, last + 1):
        read, changed = 2000 + 3 * (number % 40), 40 + 37 * (number % 24)
        value = counters(
            read=read, sent=changed, unchanged=read - changed, seconds=2.0 + number % 7, requests=1 + changed // 1000
        )
        run = {"sync": FACTS} if number > last - 3 else {}
        if number == last - 4:
            runs.append(("crm", "users", number, value | {"sent": 0}, {"state": "failed", "key": "report"}))
        elif number == last:
            refused = _refuse(folder, "crm", "users", number, "try-1", LINES)
            runs.append(("crm", "users", number, value | refused | run | {"unchanged": read - changed - 3}, {}))
        elif number in (earlier, earlier - 1):
            refused = _refuse(folder, "crm", "users", number, "try-1", (LINES * 2)[: 4 if number == earlier else 5])
            runs.append(("crm", "users", number, value | refused, {}))
        else:
            runs.append(("crm", "users", number, value | run, {}))
    for number in range(last - 72, last + 1):
        silent = number > last - 5
        runs.append(
            ("crm", "accounts", number, counters(read=80, sent=0 if silent else 9, unchanged=80 if silent else 71), {})
        )
        failed = number > last - 2
        value = None if failed else counters(read=30 + number % 9, sent=30 + number % 9)
        runs.append(("shop", "shoppers", number, value, {"state": "failed"} if failed else {}))
        runs.append(
            ("shop", "refunds", number, counters(read=0, sent=0) if number == last else counters(read=5, sent=5), {})
        )
        runs.append(("shop", "elsewhere", number, "s3://xcom/elsewhere", {}))
        for index in range(3):
            amount = 100 * (index + 1) + number % 50
            value = counters(read=amount, sent=amount)
            if number == earlier and index == 1:
                value |= _refuse(folder, "shop", "orders", number, "map-1-try-1", LINES[:2])
            runs.append(("shop", "orders", number, value, {"map_index": index}))
    add_runs(runs, first=first)
    dry = folder / "rejects" / "crm" / "users" / "scheduled__0501" / "try-1"
    dry.mkdir(parents=True)
    (dry / "000001.json").write_text('{"app_id":"2388822444","users":[{"identity":"ada@example.com","properties":{}}]}')


if __name__ == "__main__":
    main(Path(sys.argv[1]))
