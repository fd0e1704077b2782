"""``airflow heap state``: look at what is recorded as sent, and change it."""

from __future__ import annotations

from argparse import Namespace
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
from airflow.cli.simple_table import AirflowConsole
from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_heap.cli.tasks import NotFoundError, command, rendered
from airflow_provider_heap.operators.heap import HeapSyncOperator
from airflow_provider_heap.sync.plan import Holder, RunMode
from airflow_provider_heap.sync.state.dialects import MAX_KEYS
from airflow_provider_heap.sync.state.lease import Lease
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.sync.state.store import Fence, Store
from airflow_provider_heap.sync.stop_signal import StopSignal


@command
def show(args: Namespace) -> None:
    """Print how much is recorded for a sync, and of one key when it was sent."""
    operator, key, store = _open(args)
    if args.key is not None:
        [key_hash] = key.key_hashes([operator.sync_key(args.key, args.event)])
        sent_at = store.sent_at(key_hash)
        status = f"was sent {_time(sent_at)}" if sent_at is not None else "is not recorded: the next run sends it"
        print(f"Key {args.key!r} of sync {key.sync} {status}.")
        return
    sync_row = store.sync_row(key) or {}
    row = {
        "sync": key.sync,
        "object": f"{key.heap_object.name}s",
        "target": key.environment.base_url,
        "app_id": key.environment.app_id,
        "keys": f"{store.size(key.id):,}",
        "last_run": sync_row.get("last_run") or "none",
        "last_run_at": _time(sync_row.get("last_run_at")),
        "table": f"{operator.state_table} in {operator.state_conn_id}",
    }
    AirflowConsole().print_as([row], args.output)


@command
def forget(args: Namespace) -> None:
    """Delete keys, so that the next run sends them again."""
    operator, key, store = _open(args)
    if bool(args.key) == args.all:
        raise NotFoundError("Say which keys to forget with --key, or --all.")
    names = [operator.sync_key(name, args.event) for name in args.key or ()]
    key_hashes = None if args.all else key.key_hashes(names)
    if args.all and not args.yes:
        print(f"Forget all {store.size(key.id):,} keys of sync {key.sync}? The next run sends every row. (y/n)")
        if input().strip().lower() not in ("y", "yes"):
            raise SystemExit("Nothing was forgotten.")
    with _hold(store, key, "forget"):
        count = store.delete(key.id, key_hashes)
    print(f"{count:,} keys of sync {key.sync} were forgotten; the next run sends their rows again.")


@command
def adopt(args: Namespace) -> None:
    """Record the model's present rows as already sent, without sending them."""
    operator, context = rendered(args)
    plan = replace(operator.plan(context), mode=RunMode.ADOPT)
    operator.open_store()
    report = operator.sync_run(plan).execute()
    print(
        f"{report.sent:,} rows of sync {plan.name} were recorded as sent, {report.unchanged:,} were "
        f"recorded already, {report.invalid:,} are invalid. Nothing was sent to Heap."
    )


@command
def export(args: Namespace) -> None:
    """Write the state to a file: JSON lines, the first of which says whose it is."""
    _, key, store = _open(args)
    count = 0
    with ObjectStoragePath(args.path).open("wb") as file:  # type: ignore[no-untyped-call]
        file.write(msgspec.json.encode(_header(key)) + b"\n")
        for key_hash, fingerprint, sent_at in store.rows(key.id):
            file.write(msgspec.json.encode({"key": key_hash, "fingerprint": fingerprint, "sent_at": sent_at}) + b"\n")
            count += 1
    print(f"{count:,} keys of sync {key.sync} were written to {args.path}.")


@command
def import_(args: Namespace) -> None:
    """Read the state from a file that :func:`export` wrote."""
    _, key, store = _open(args)
    count = 0
    with ObjectStoragePath(args.path).open("rb") as file:  # type: ignore[no-untyped-call]
        lines = (msgspec.json.decode(line) for line in iter(file.readline, b""))
        header = next(lines, None)
        if header != _header(key):
            raise NotFoundError(
                f"{args.path} holds the state of {header}, and this task's is of {_header(key)}; keys are kept in "
                "another form for each. A renamed task keeps its state by sync_name."
            )
        with _hold(store, key, "import") as fence:
            by_time: dict[int, dict[str, str]] = defaultdict(dict)
            for line in lines:
                fingerprints = by_time[line["sent_at"]]
                fingerprints[line["key"]] = line["fingerprint"]
                count += 1
                if len(fingerprints) == MAX_KEYS:
                    store.record(key.id, by_time.pop(line["sent_at"]), line["sent_at"], fence)
            for sent_at, fingerprints in by_time.items():
                store.record(key.id, fingerprints, sent_at, fence)
    print(f"{count:,} keys of sync {key.sync} were read from {args.path}.")


def _open(args: Namespace) -> tuple[HeapSyncOperator, StateKey, Store]:
    """Return the sync that a command names, whose state it keeps, and the database."""
    operator, context = rendered(args)
    store = operator.open_store()
    store.create_tables()
    return operator, StateKey.of(operator.plan(context)), store


@contextmanager
def _hold(store: Store, key: StateKey, what: str) -> Iterator[Fence]:
    """Keep runs of the sync out meanwhile; yield what makes sure of that in a transaction."""
    store.register_sync(key)
    lease = Lease(store, key, Holder(f"airflow heap state {what}"), StopSignal())
    lease.acquire()
    try:
        yield lease.fence
    finally:
        lease.release()


def _header(key: StateKey) -> dict[str, Any]:
    return {
        "sync": key.sync,
        "base_url": key.environment.base_url,
        "app_id": key.environment.app_id,
        "object": key.heap_object.name,
    }


def _time(seconds: int | None) -> str:
    return "never" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
