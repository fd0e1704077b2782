"""Run by test_streaming: reads many rows while Heap takes few, and tells the most memory that it took."""

from __future__ import annotations

import ast
import os
import resource
import sys
from contextlib import contextmanager
from dataclasses import dataclass

from airflow_provider_heap.models import Rows
from airflow_provider_heap.operators.heap import HeapEventSyncOperator


@dataclass(frozen=True)
class Numbers:
    """As many rows as wanted; the process ends when the last of them is read."""

    count: int

    @contextmanager
    def open(self, source):
        """Make rows."""
        chunks = (
            [
                (f"user {n}", f"order {n}", f"2026-01-01T00:00:{n % 60:02}", n, "x" * 200)
                for n in range(start, start + 1000)
            ]
            for start in range(0, self.count, 1000)
        )
        yield Rows(["identity", "id", "at", "n", "text"], chunks)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)
        os._exit(0)


HeapEventSyncOperator(
    task_id="sync",
    model=Numbers(int(sys.argv[1])),
    insert_id="id",
    identity="identity",
    event="Order",
    timestamp="at",
    rate_limit=2000,
    **(ast.literal_eval(sys.argv[2]) if len(sys.argv) > 2 else {}),
).execute({})
