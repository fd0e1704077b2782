"""``airflow heap state``: look at what is recorded as sent, and change it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgspec
from airflow.cli.simple_table import AirflowConsole
from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_heap.cli.dags import NotFoundError
from airflow_provider_heap.cli.preview_table import format_time, print_list
from airflow_provider_heap.cli.records import Records, records_of
from airflow_provider_heap.cli.tasks import command, confirm, rendered
from airflow_provider_heap.operators.heap import HeapSyncOperator
from airflow_provider_heap.sync.plan import Holder, RunMode
from airflow_provider_heap.sync.state.lease import Lease
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.sync.state.store import Fence, Store
from airflow_provider_heap.sync.stop_signal import StopSignal
from airflow_provider_heap.wording import counted


@command
def show(args: Namespace) -> None:
    """Print how much is recorded for a sync, and of one key when it was sent."""
    key, store, records = _open(args)
    if args.key is not None:
        sent_at = records.sent_at(records.key_hash(args.key, args.event))
        status = f"was sent {format_time(sent_at)}" if sent_at is not None else "is not recorded: the next run sends it"
        print(f"Key {args.key!r} of sync {key.sync} {status}.")
        return
    sync_row = store.sync_row(key) or {}
    row = {
        "sync": key.sync,
        "object": f"{key.heap_object.name}s",
        "target": key.environment.base_url,
        "app_id": key.environment.app_id,
        "keys": f"{records.size():,}",
        "last_run": sync_row.get("last_run") or "none",
        "last_run_at": format_time(sync_row.get("last_run_at")),
        "table": records.place,
    }
    if args.output == "table":
        print_list({name.replace("_", " "): value for name, value in row.items()})
    else:
        AirflowConsole().print_as([row], args.output)


@command
def forget(args: Namespace) -> None:
    """Delete keys, so that the next run sends them again."""
    key, store, records = _open(args)
    if bool(args.key) == args.all:
        raise NotFoundError("Say which keys to forget with --key, or --all.")
    key_hashes = None if args.all else [records.key_hash(name, args.event) for name in args.key]
    if args.all and not args.yes:
        keys = counted(records.size(), "key")
        confirm(f"Forget all of sync {key.sync}, {keys}? The next run sends every row.", "Nothing was forgotten.")
    with _hold(store, key, "forget"):
        count = records.delete(key_hashes)
    print(f"{_keys_were(count, key)} forgotten; the next run sends {'its row' if count == 1 else 'their rows'} again.")


@command
def adopt(args: Namespace) -> None:
    """Record the model's present rows as already sent, without sending them."""
    operator, context = rendered(args)
    plan = replace(operator.plan(context), mode=RunMode.ADOPT)
    operator.open_store()
    report = operator.sync_run(plan).execute()
    sent, known, invalid = report.sent, report.unchanged, report.invalid
    print(
        f"{counted(sent, 'row')} of sync {plan.name} {_were(sent)} recorded as sent, {known:,} {_were(known)} recorded "
        f"already, {invalid:,} {'is' if invalid == 1 else 'are'} invalid. Nothing was sent to Heap."
    )


@command
def export(args: Namespace) -> None:
    """Write the state to a file: JSON lines, the first of which says whose it is."""
    key, _, records = _open(args)
    count = 0
    with ObjectStoragePath(args.path).open("wb") as file:  # type: ignore[no-untyped-call]
        file.write(msgspec.json.encode(_header(key, records)) + b"\n")
        for key_hash, fingerprint, sent_at in records.rows():
            file.write(msgspec.json.encode({"key": key_hash, "fingerprint": fingerprint, "sent_at": sent_at}) + b"\n")
            count += 1
    print(f"{_keys_were(count, key)} written to {args.path}.")


@command
def import_(args: Namespace) -> None:
    """Read the state from a file that :func:`export` wrote."""
    key, store, records = _open(args)
    with ObjectStoragePath(args.path).open("rb") as file:  # type: ignore[no-untyped-call]
        lines = (msgspec.json.decode(line) for line in iter(file.readline, b""))
        header = next(lines, None)
        if header != _header(key, records):
            raise NotFoundError(
                f"{args.path} holds the state of {header}, and this task's is of {_header(key, records)}; keys are "
                "kept in another form for each. A renamed task keeps its state by sync_name."
            )
        with _hold(store, key, "import") as fence:
            count = records.write(((line["key"], line["fingerprint"], line["sent_at"]) for line in lines), fence)
    print(f"{_keys_were(count, key)} read from {args.path}.")


def open_state(args: Namespace) -> tuple[HeapSyncOperator, StateKey, Store]:
    """
    Return the sync that a command names, whose state it keeps, and the database.

    :param args: ``dag_id`` and ``task_id``, and the run that templates are rendered for.
    :raises HeapError: when the task keeps no state, or its database fails.
    """
    operator, context = rendered(args)
    store = operator.open_store()
    store.create_tables()
    return operator, StateKey.of(operator.plan(context)), store


def _open(args: Namespace) -> tuple[StateKey, Store, Records]:
    """Return the sync whose state a task keeps, the database of its hold, and its records."""
    operator, context = rendered(args)
    store = operator.open_store()
    store.create_tables()
    key = StateKey.of(operator.plan(context))
    return key, store, records_of(operator, context, key, store)


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


def _keys_were(count: int, key: StateKey) -> str:
    return f"{counted(count, 'key')} of sync {key.sync} {_were(count)}"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _header(key: StateKey, records: Records) -> dict[str, Any]:
    return {
        **records.header,
        "sync": key.sync,
        "base_url": key.environment.base_url,
        "app_id": key.environment.app_id,
        "object": key.heap_object.name,
    }
