"""The DAG of test_deletion: people are deleted from Heap, with short waits."""

from __future__ import annotations

import os

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_heap.operators.heap import HeapUserDeletionOperator

with DAG(dag_id="erase_people", schedule=None):
    HeapUserDeletionOperator(
        task_id="erase",
        model="select email from erasure_requests",
        sql_conn_id="warehouse",
        identity="email",
        max_rows=int(os.environ.get("ERASE_MAX_ROWS", "100000")),
        state_conn_id="state",
        poll_interval=0.5,
    )
