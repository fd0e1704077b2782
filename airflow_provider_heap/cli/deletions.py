"""``airflow heap deletions``: prove that people were deleted."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from airflow.cli.simple_table import AirflowConsole

from airflow_provider_heap.cli.dags import NotFoundError
from airflow_provider_heap.cli.preview_table import format_time
from airflow_provider_heap.cli.state import open_state
from airflow_provider_heap.cli.tasks import command
from airflow_provider_heap.sync.state.deletions import DeletionRecords, RecordedDeletion


@command
def show(args: Namespace) -> None:
    """Print the deletions that a task asked for, or the one of a person."""
    operator, key, store = open_state(args)
    if not key.heap_object.deletes:
        raise NotFoundError(f"Task {args.task_id!r} deletes nobody: name one with HeapUserDeletionOperator.")
    records = DeletionRecords(store, key)
    records.create_table()
    deletions = records.all()
    if args.key is None:
        AirflowConsole().print_as([_row(deletion) for deletion in deletions.values()], args.output)
        return
    [key_hash] = key.key_hashes([operator.sync_key(args.key)])
    fingerprint = store.fingerprints_of([key_hash]).get(key_hash)
    if fingerprint is None:
        print(f"{args.key!r} is not recorded in sync {key.sync}: the next run that reads it asks for its deletion.")
    elif fingerprint not in deletions:
        # By `airflow heap state adopt`, or from a file of the state.
        since = format_time(store.sent_at(key_hash))
        print(f"{args.key!r} is recorded in sync {key.sync} since {since}, but without a request.")
    else:
        deletion = deletions[fingerprint]
        print(
            f"The deletion of {args.key!r} was asked for {format_time(deletion.requested_at)}, in request "
            f"{deletion.request_id} of App ID {key.environment.app_id}; it is {deletion.status}"
            + (f" since {format_time(deletion.completed_at)} at the latest." if deletion.completed_at else ".")
        )


def _row(deletion: RecordedDeletion) -> dict[str, Any]:
    return {
        "request": deletion.request_id,
        "users": f"{deletion.users:,}",
        "requested_at": format_time(deletion.requested_at),
        "status": deletion.status,
        "complete_by": format_time(deletion.completed_at) if deletion.completed_at else "",
    }
