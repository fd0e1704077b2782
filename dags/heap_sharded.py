"""
### Warehouse to Heap, spread over workers

A large table is cut into shards, and each shard is a task of its own, on whatever worker has room. Cut by the key: all
rows of one user are in one shard, so their order is kept.

**Look at** the instances of each task in the grid: four, each with a log and counters of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_heap.operators.heap import HeapEventSyncOperator, HeapUserSyncOperator

SHARDS = 4

with DAG(
    dag_id="heap_sharded",
    description="Large tables in four parts, each a task of its own.",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["heap", "example"],
    default_args={"owner": "data", "retries": 3, "sql_conn_id": "warehouse"},
    doc_md=__doc__,
):
    users = HeapUserSyncOperator.partial(
        task_id="users",
        identity="email",
        properties={"Plan": "plan", "Seats": "seats"},
    ).expand(model=[f"select email, plan, seats from people where id % {SHARDS} = {shard}" for shard in range(SHARDS)])

    # Heap takes 15,000 events a minute from all shards together: each gets its part. That is not faster than one
    # task, but the reading is spread over workers.
    orders = HeapEventSyncOperator.partial(
        task_id="orders",
        identity="email",
        event="Order Placed",
        insert_id="order_id",
        timestamp="ordered_at",
        rate_limit=15_000 // SHARDS,
    ).expand(model=[f"select * from orders where person_id % {SHARDS} = {shard}" for shard in range(SHARDS)])

    users >> orders
