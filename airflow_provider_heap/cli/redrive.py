"""``airflow heap redrive``: resend the items that Heap rejected."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_heap.cli.tasks import command, confirm
from airflow_provider_heap.operators.redrive import HeapRedriveOperator
from airflow_provider_heap.sync.plan import RunMode
from airflow_provider_heap.wording import counted

if TYPE_CHECKING:
    from airflow.sdk import Context


class _StdoutLog:
    """Print what a task would log."""

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
    summary = operator.summarize()
    if not summary.chosen:
        others, invalid = counted(summary.others, "other item"), counted(summary.invalid, "invalid row")
        print(f"{args.path} holds no item to send: {others}, and {invalid}.")
        return
    _, _, count = summary.only()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    instance = SimpleNamespace(dag_id="airflow", task_id="redrive", run_id=now, map_index=-1, try_number=1)
    plan = operator.plan(cast("Context", {"ti": instance}))
    if args.dry_run:
        plan = replace(plan, mode=RunMode.DRY_RUN)
    elif not args.yes:
        what = f"{counted(count, plan.heap_object.name)} of sync {plan.name}"
        confirm(f"Send {what} to {plan.environment.label}?", "Nothing was sent.")
    operator.sync_run(plan, _StdoutLog()).execute()
