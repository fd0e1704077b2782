"""``airflow heap state``: what is recorded as sent, looked at and changed."""

from __future__ import annotations

from argparse import Namespace
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
from airflow.cli.simple_table import AirflowConsole
from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_heap.cli.tasks import NotFoundError, command, rendered
from airflow_provider_heap.operators.heap import HeapSyncOperator
from airflow_provider_heap.sync.run import RunMode
from airflow_provider_heap.sync.state.dialects import MAX_KEYS
from airflow_provider_heap.sync.state.lease import Holder, Lease
from airflow_provider_heap.sync.state.store import Store
from airflow_provider_heap.sync.stop_signal import StopSignal


@command
def show(args: Namespace) -> None:
    """Tell how much is recorded for a sync, and of one key when it was sent."""
    operator, _ = rendered(args)
    store, scope = _store(operator), operator.scope()
    if args.key is not None:
        [digest] = scope.key_hashes([operator.sync_key(args.key, args.event)])
        sent_at = store.sent_at(digest)
        told = f"was sent {_time(sent_at)}" if sent_at is not None else "is not recorded: the next run sends it"
        print(f"Key {args.key!r} of sync {scope.sync} {told}.")
        return
    about = store.sync_row(scope) or {}
    row = {
        "sync": scope.sync,
        "object": f"{scope.heap_object.name}s",
        "target": scope.environment.base_url,
        "app_id": scope.environment.app_id,
        "keys": f"{store.size(scope.id):,}",
        "last_run": about.get("last_run") or "none",
        "last_run_at": _time(about.get("last_run_at")),
        "table": f"{operator.state_table} in {operator.state_conn_id}",
    }
    AirflowConsole().print_as([row], args.output)


@command
def forget(args: Namespace) -> None:
    """Strike keys out, so that the next run sends them again."""
    operator, _ = rendered(args)
    store, scope = _store(operator), operator.scope()
    if bool(args.key) == args.all:
        raise NotFoundError("Say which keys to forget with --key, or --all.")
    digests = None if args.all else scope.key_hashes([operator.sync_key(key, args.event) for key in args.key])
    if args.all and not args.yes:
        print(f"Forget all {store.size(scope.id):,} keys of sync {scope.sync}? The next run sends every row. (y/n)")
        if input().strip().lower() not in ("y", "yes"):
            raise SystemExit("Nothing was forgotten.")
    with _held(store, operator, "forget"):
        count = store.delete(scope.id, digests)
    print(f"{count:,} keys of sync {scope.sync} were forgotten; the next run sends their rows again.")


@command
def adopt(args: Namespace) -> None:
    """Record the model's present rows as already sent, without sending them."""
    operator, context = rendered(args)
    _store(operator)
    sync, chunks = operator.prepare(context, RunMode.RECORD)
    report = sync.run(chunks)
    print(
        f"{report.sent:,} rows of sync {operator.scope().sync} were recorded as sent, {report.unchanged:,} were "
        f"recorded already, {report.invalid:,} are invalid. Nothing was sent to Heap."
    )


@command
def export(args: Namespace) -> None:
    """Write the state to a file: JSON lines, the first of which says whose it is."""
    operator, _ = rendered(args)
    store, scope = _store(operator), operator.scope()
    count = 0
    with ObjectStoragePath(args.path).open("wb") as file:  # type: ignore[no-untyped-call]
        file.write(msgspec.json.encode(_header(operator)) + b"\n")
        for key, fingerprint, sent_at in store.rows(scope.id):
            file.write(msgspec.json.encode({"key": key, "fingerprint": fingerprint, "sent_at": sent_at}) + b"\n")
            count += 1
    print(f"{count:,} keys of sync {scope.sync} were written to {args.path}.")


@command
def import_(args: Namespace) -> None:
    """Read the state from a file that :func:`export` wrote."""
    operator, _ = rendered(args)
    store, scope = _store(operator), operator.scope()
    count = 0
    with ObjectStoragePath(args.path).open("rb") as file:  # type: ignore[no-untyped-call]
        lines = (msgspec.json.decode(line) for line in iter(file.readline, b""))
        header = next(lines, None)
        if header != _header(operator):
            raise NotFoundError(
                f"{args.path} holds the state of {header}, and this task's is of {_header(operator)}; keys are kept in "
                "another form for each. A renamed task keeps its state by sync_name."
            )
        with _held(store, operator, "import"):
            by_time: dict[int, dict[str, str]] = defaultdict(dict)
            for line in lines:
                found = by_time[line["sent_at"]]
                found[line["key"]] = line["fingerprint"]
                count += 1
                if len(found) == MAX_KEYS:
                    store.record(scope.id, by_time.pop(line["sent_at"]), line["sent_at"])
            for sent_at, prints in by_time.items():
                store.record(scope.id, prints, sent_at)
    print(f"{count:,} keys of sync {scope.sync} were read from {args.path}.")


def _store(operator: HeapSyncOperator) -> Store:
    store = operator.store()
    if store is None:
        raise NotFoundError(f"Task {operator.task_id!r} keeps no state: it has no state_conn_id.")
    store.create_tables()
    return store


@contextmanager
def _held(store: Store, operator: HeapSyncOperator, what: str) -> Iterator[None]:
    """Keep runs of the sync out meanwhile."""
    scope = operator.scope()
    store.register_sync(scope)
    lease = Lease(store, scope, Holder(f"airflow heap state {what}"), StopSignal())
    lease.acquire()
    try:
        yield
    finally:
        lease.release()


def _header(operator: HeapSyncOperator) -> dict[str, Any]:
    scope = operator.scope()
    return {
        "sync": scope.sync,
        "base_url": scope.environment.base_url,
        "app_id": scope.environment.app_id,
        "object": scope.heap_object.name,
    }


def _time(seconds: int | None) -> str:
    return "never" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
