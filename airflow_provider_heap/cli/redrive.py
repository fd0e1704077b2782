"""``airflow heap redrive``: the items that Heap refused are sent once more."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_heap.cli.tasks import command
from airflow_provider_heap.operators.redrive import HeapRedriveOperator
from airflow_provider_heap.sync.run import RunMode

if TYPE_CHECKING:
    from airflow.sdk import Context


class _Out:
    """Prints what a task would log."""

    def info(self, message: Any, /, *args: Any) -> None:
        """Print it."""
        print(message % args if args else message)

    warning = info


@command
def redrive(args: Namespace) -> None:
    """Send the items of rejects files again."""
    operator = HeapRedriveOperator(
        task_id="redrive",
        path=args.path,
        reason=args.reason,
        key=args.key,
        heap_conn_id=args.heap_conn_id,
        sync_name=args.sync_name,
        state_conn_id=args.state_conn_id,
        state_table=args.state_table,
        rejects_path=args.rejects_path,
        max_rejected=args.max_rejected,
    )
    found = operator.survey()
    if not found.chosen:
        print(f"{args.path} holds no item to send: {found.left:,} others, and {found.invalid:,} invalid rows.")
        return
    sync, heap_object, count = found.only()
    target = operator.hook.environment().label
    if not (args.yes or args.dry_run):
        print(f"Send {count:,} {heap_object.name}s of sync {sync} to {target}? (y/n)")
        if input().strip().lower() not in ("y", "yes"):
            raise SystemExit("Nothing was sent.")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    instance = SimpleNamespace(dag_id="airflow", task_id="redrive", run_id=now, map_index=-1, try_number=1)
    aim = RunMode.DRY_RUN if args.dry_run else RunMode.SEND
    run, chunks = operator.prepare(cast("Context", {"ti": instance}), aim, _Out())
    run.run(chunks)
