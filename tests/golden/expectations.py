"""
What is stored or public stays what it is: bytes, digests, names. This module is what the tests of that share.

Only the public interface is used, so these tests outlive any change of the internals. The longer expectations are in
``expected.json``. When one of these tests fails, users' state is sent again in full, or their DAGs break: change an
expectation only together with a line in the changelog.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow_provider_heap.models import Rows
from airflow_provider_heap.operators.heap import HeapEventSyncOperator, HeapUserSyncOperator

EXPECTED = json.loads((Path(__file__).parent / "expected.json").read_text("utf-8"))
MOMENT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
RUN = "dag/task/manual__2026-11-23T00:00:00+00:00/try-1"


def text(value):
    """Write a value as JSON, so that the order of keys counts."""
    return json.dumps(value, indent=1)


def check(name, value):
    """Compare with what ``expected.json`` has under a name."""
    assert text(value) == text(EXPECTED[name])


@dataclass(frozen=True)
class Table:
    """A model of rows given as dicts of one set of keys."""

    rows: Sequence[dict[str, Any]]

    @contextmanager
    def open(self, source):
        """Give the rows in one chunk."""
        yield Rows(list(self.rows[0]), [[tuple(row.values()) for row in self.rows]])


def user(model, **kwargs):
    """Make a sync of users with state."""
    model = Table(model) if isinstance(model, list) else model
    return HeapUserSyncOperator(**{"task_id": "task", "model": model, "sync_name": "golden", **kwargs})


def event(model, **kwargs):
    """Make a sync of events with state."""
    model = Table(model) if isinstance(model, list) else model
    given = {"insert_id": "id", "timestamp": "at", "identity": "email", **kwargs}
    return HeapEventSyncOperator(**{"task_id": "task", "model": model, "sync_name": "golden", **given})


PEOPLE = [
    {"identity": "ada@example.com", "plan": "pro", "seats": 3},
    {"identity": "Äöü \U0001f600", "plan": None, "seats": 4},
    {"identity": "42", "plan": "free", "seats": None},
]
ORDERS = [
    {"id": "order-00042", "email": "ada@example.com", "at": MOMENT, "name": "Order Placed", "total": 9.5},
    {"id": "order-00043", "email": "bob@example.com", "at": "2026-11-23", "name": "Refund", "total": None},
]

PLAIN = [
    "read",
    "unchanged",
    "invalid",
    "rejected",
    "sent",
    "truncated",
    "requests",
    "bytes",
    "seconds",
    "reasons",
    "rejects",
    "sync",
]
WITH_STATE = [
    "read",
    "unchanged",
    "invalid",
    "rejected",
    "sent",
    "truncated",
    "requests",
    "bytes",
    "duplicate_keys",
    "seconds",
    "reasons",
    "rejects",
    "sync",
]
DRY = [
    "read",
    "unchanged",
    "invalid",
    "rejected",
    "sent",
    "would_send",
    "truncated",
    "requests",
    "bytes",
    "seconds",
    "reasons",
    "rejects",
    "dry_run_path",
    "sync",
]
DRY_WITH_STATE = [
    "read",
    "unchanged",
    "invalid",
    "rejected",
    "sent",
    "would_send",
    "truncated",
    "requests",
    "bytes",
    "duplicate_keys",
    "seconds",
    "reasons",
    "rejects",
    "dry_run_path",
    "sync",
]
