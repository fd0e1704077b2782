"""Compare Heap with the source, cell by cell, and a run's counters with what arrived."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import groupby
from pathlib import Path
from typing import Any

from airflow_provider_heap.sandbox import Sandbox
from airflow_provider_heap.sandbox.store import Request
from tests.chaos.source import Row

#: Differences that a message names.
SHOWN = 5
#: Items that a run may send ahead of their batches while the server fails; they are not counted as sent.
MAX_PROBES = 10


def differences(name: str, rows: Sequence[Row], every_row: Sequence[Row], sandbox: Sandbox, but: set[str]) -> list[str]:
    """
    Return where Heap differs from the source.

    :param name: the table.
    :param rows: the rows that a run has read.
    :param every_row: all that were ever read.
    :param sandbox: Heap.
    :param but: keys that Heap refused in that run.
    """
    if name == "events":
        return _differing_events(rows, every_row, sandbox, but)
    heap = sandbox.users if name == "users" else sandbox.accounts
    wanted = {row.key: row.cells for row in rows if row.key is not None}  # the last row of a key wins
    return [
        f"{key}: {cells} in the source, {heap.get(key)} in Heap"
        for key, cells in wanted.items()
        if key not in but and heap.get(key) != cells
    ]


def _differing_events(rows: Sequence[Row], every_row: Sequence[Row], sandbox: Sandbox, but: set[str]) -> list[str]:
    times = Counter((event["idempotency_key"], event["identity"]) for event in sandbox.events)
    wanted = {event_key(row.n): row for row in rows if row.key is not None}
    sound = {(event_key(row.n), row.key) for row in every_row}
    return [
        *(f"event {row.n} is not in Heap" for key, row in wanted.items() if key not in but and not times[key, row.key]),
        *(f"event {key} is in Heap {count} times" for key, count in times.items() if count > 1),
        *(f"event {key} of Heap is not in the source" for key in times if key not in sound),
    ]


def event_key(n: int) -> str:
    """Return the idempotency key that the documentation promises for an insert ID."""
    return blake2b(f"Ordered\x1f{n}".encode(), digest_size=16).hexdigest()


def miscounted(
    report: dict[str, Any],
    rows: Sequence[Row],
    requests: Sequence[Request] | None,
    *,
    server_fails: bool = False,
    answers_come_late: bool = False,
) -> list[str]:
    """
    Return what is wrong with the counters of a run that came to its end.

    :param report: the counters.
    :param rows: the rows that it has read.
    :param requests: those that arrived during the run; None when another run sent some too.
    :param server_fails: whether some requests were answered with a 5xx.
    :param answers_come_late: whether some answers came after the run had given them up.
    """
    wrong = []

    def expect(what: str, value: Any, wanted: Any) -> None:
        if value != wanted:
            wrong.append(f"{what} is {value}, not {wanted}")

    expect("read", report["read"], len(rows))
    expect("invalid", report["invalid"], sum(row.key is None for row in rows))
    parts = ("unchanged", "invalid", "rejected", "sent")
    expect("read", report["read"], sum(report[part] for part in parts))
    expect("the sum of reasons", sum(report["reasons"].values()), report["invalid"] + report["rejected"])
    if requests is None:
        return wrong
    expect("requests", report["requests"], len(requests))
    expect("bytes", report["bytes"], sum(request.size for request in requests))
    accepted = sum(len(request.items) for request in requests if 200 <= request.status < 300)
    if not (answers_come_late or report["sent"] <= accepted <= report["sent"] + (MAX_PROBES if server_fails else 0)):
        wrong.append(f"sent is {report['sent']}, and Heap accepted {accepted}")
    return wrong


def rejected_keys(report: dict[str, Any], key: str) -> set[str]:
    """
    Return the keys of a run's rejects file that Heap refused.

    :param report: the counters.
    :param key: the item's key field.
    """
    if not report["rejects"]:
        return set()
    lines = map(json.loads, Path(report["rejects"]).read_text().splitlines())
    return {line["item"][key] for line in lines if line["kind"] == "rejected"}


def sent_again(rows: Iterable[Row]) -> int:
    """
    Return how many rows a run must send right after one that succeeded: those of keys that come more than once.

    The state knows the last item of a key. From the first row on that differs, all rows of the key are sent, in order.

    :param rows: what it reads.
    """
    count = 0
    by_key = sorted((row for row in rows if row.key is not None), key=lambda row: str(row.key))  # keeps their order
    for _, group in groupby(by_key, key=lambda row: row.key):
        cells = [row.cells for row in group]
        first = next((position for position, each in enumerate(cells) if each != cells[-1]), len(cells))
        count += len(cells) - first
    return count
