"""What all operators of this package share: how items are delivered, the state, and what a task publishes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import cached_property, partial
from threading import Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from airflow.providers.common.compat.sdk import BaseOperator, ObjectStoragePath

from airflow_provider_heap.api.objects import HeapObject
from airflow_provider_heap.exceptions import ModelError, SyncStoppedError
from airflow_provider_heap.hooks.heap import HeapHook
from airflow_provider_heap.links.heap import HeapLink, SyncHistoryLink
from airflow_provider_heap.operators.arguments import suggesting_parameters
from airflow_provider_heap.operators.parameters import parse_bool, parse_delivery, parse_state
from airflow_provider_heap.operators.storage import storage_folder
from airflow_provider_heap.operators.xcom import add_to_asset_events, push_xcom
from airflow_provider_heap.run_files import REJECTS_SUFFIX, path_of_try
from airflow_provider_heap.sync.plan import DeliverySettings, RunMode, SyncPlan

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_heap.sync.items import MappedRows
    from airflow_provider_heap.sync.plan import Holder, Log
    from airflow_provider_heap.sync.run import SyncRun
    from airflow_provider_heap.sync.state.store import Store
    from airflow_provider_heap.sync.stop_signal import StopSignal

DEFAULT_STATE_TABLE = "heap_sync_state"


class HeapDeliveryOperator(BaseOperator):
    """
    How items are delivered; shared by all operators of this package.

    :param heap_conn_id: connection of type ``heap``. (templated)
    :param batch_size: items in one request, 1 to 1000.
    :param concurrency: requests in flight.
    :param rate_limit: items a minute, repeated ones included; None for what Heap documents: 15,000 events and 1000 for
        one identity, no limit for accounts and users. 0 turns both off. (templated)
    :param max_rejected: invalid and rejected rows that the task tolerates: an int is a count, a float below 1 a share
        of the rows read. (templated)
    :param rejects_path: folder, a path or any URL of ``ObjectStoragePath``, for the rows that did not arrive: each try
        writes ``<dag>/<task>/<run>/try-1.jsonl``, of a mapped task ``map-3-try-1.jsonl``. Buckets are never created.
        (templated)
    :param state_conn_id: any SQL connection that may hold a table, for what was sent: then only rows that are new or
        changed are sent. None sends every row in every run.
    :param state_table: the table's name, may be ``schema.table``; it is created where it is missing.
    :param sync_name: names the sync and its state, so that a renamed task can keep it; ``dag_id.task_id`` when not
        given. (templated)
    :param full_sync: send all rows, whatever the state says, and record them. (templated)
    :param hold_timeout: how long to wait while another run of the same sync is at work, a timedelta or a number of
        seconds; then the task fails. (templated)
    :param dry_run: do everything but sending and recording; the report has ``would_send``. (templated)
    :param dry_run_path: folder, a path or any URL of ``ObjectStoragePath``, for the exact bodies of a dry run's
        requests: each try writes ``<dag>/<task>/<run>/try-1/000001.json`` and so on. (templated)
    """

    #: What is written.
    heap_object: HeapObject
    #: How long the state of an event is kept.
    state_retention: timedelta | float | str | None = None

    template_fields: Sequence[str] = (
        "heap_conn_id",
        "rate_limit",
        "max_rejected",
        "rejects_path",
        "sync_name",
        "full_sync",
        "hold_timeout",
        "dry_run",
        "dry_run_path",
    )
    operator_extra_links = (HeapLink(), SyncHistoryLink())
    #: Where a person looks at what the run sent; empty as long as its connection was not read.
    app_url = ""
    ui_color = "#e6e0ff"

    def __init__(
        self,
        *,
        heap_conn_id: str = HeapHook.default_conn_name,
        batch_size: int | str = 1000,
        concurrency: int | str = 4,
        rate_limit: int | str | None = None,
        max_rejected: int | float | str = 0,
        rejects_path: str | ObjectStoragePath | None = None,
        state_conn_id: str | None = None,
        state_table: str = DEFAULT_STATE_TABLE,
        sync_name: str | None = None,
        full_sync: bool | str = False,
        hold_timeout: timedelta | float | str = 0,
        dry_run: bool | str = False,
        dry_run_path: str | ObjectStoragePath | None = None,
        **kwargs: Any,
    ) -> None:
        with suggesting_parameters(type(self), kwargs):
            super().__init__(**kwargs)
        self.heap_conn_id = heap_conn_id
        self.batch_size = batch_size
        self.concurrency = concurrency
        self.rate_limit = rate_limit
        self.max_rejected = max_rejected
        self.rejects_path = rejects_path
        self.state_conn_id = state_conn_id
        self.state_table = state_table
        self.sync_name = sync_name
        self.full_sync = full_sync
        self.hold_timeout = hold_timeout
        self.dry_run = dry_run  # type: ignore[assignment,method-assign]
        self.dry_run_path = dry_run_path

    @cached_property
    def hook(self) -> HeapHook:
        """The hook of ``heap_conn_id``."""
        return HeapHook(self.heap_conn_id)

    @property
    def source_label(self) -> str:
        """How messages call what is read."""
        raise NotImplementedError

    def open_rows(self, plan: SyncPlan) -> AbstractContextManager[MappedRows]:
        """
        Open what a run reads; what was opened is closed when the context ends.

        :param plan: the run's.
        :raises ModelError: when there is nothing to read rows from, or the mapping does not fit.
        """
        raise NotImplementedError

    def open_store(self) -> Store:
        """
        Open the database of the state; it is not connected yet.

        :raises ModelError: when the task keeps no state, or that connection can't hold a table.
        """
        from airflow_provider_heap.hooks.sql import state_store

        if not self.state_conn_id:
            raise ModelError(f"Task {self.task_id!r} keeps no state: it has no state_conn_id.")
        return state_store(self.state_conn_id, self.state_table, f"state_conn_id of task {self.task_id!r}")

    def plan(self, context: Context) -> SyncPlan:
        """
        Return what a run of this task is going to do. Connections are looked up, but nothing is opened.

        :param context: Airflow's.
        :raises HeapError: when a parameter or a connection can't be right.
        """
        return self._plan(context, self.heap_object, self.sync_name or f"{self.dag_id}.{self.task_id}")

    def _plan(self, context: Context, heap_object: HeapObject, name: str) -> SyncPlan:
        delivery = parse_delivery(self)
        return SyncPlan(
            heap_object=heap_object,
            environment=self.hook.environment(heap_object),
            name=name,
            source_label=self.source_label,
            mode=RunMode.DRY_RUN if parse_bool("dry_run", self.dry_run) else RunMode.SEND,
            delivery=delivery,
            state=parse_state(self),
            holder=_holder(context) if self.state_conn_id else None,
            rejects_path=_path_of_try("rejects_path", self.rejects_path, context, REJECTS_SUFFIX),
            dry_run_path=_path_of_try("dry_run_path", self.dry_run_path, context),
            warnings=_warnings(context, heap_object, delivery),
            advice=f"{'' if self.rejects_path else 'set rejects_path to see them, '}fix the model, or raise "
            f"max_rejected, which is {delivery.max_rejected}",
        )

    def sync_run(self, plan: SyncPlan, log: Log | None = None, stop: StopSignal | None = None) -> SyncRun:
        """
        Return a run that executes a plan.

        :param plan: what :meth:`plan` returned, or one derived from it.
        :param log: takes what a person should know; the task's log when not given.
        :param stop: ends the run early when it is set.
        """
        from airflow_provider_heap.sync.run import SyncRun

        return SyncRun(plan, partial(self.open_rows, plan), self.open_store, log=log or self.log, stop=stop)

    def execute(self, context: Context) -> dict[str, Any]:
        """
        Run the sync.

        :param context: Airflow's.
        :return: the counters: read, unchanged, invalid, rejected, sent, truncated, requests, bytes, seconds, reasons
            and rejects (the file of rows that did not arrive); with state or unique_key also duplicate_keys; in a dry
            run also would_send and dry_run_path.
        :raises HeapError: one of its classes, with the counters as ``report``.
        """
        stop = self._listen_for_stop()
        plan = run_stoppable(lambda: self.plan(context), stop)
        return self._execute(plan, context, stop)

    def _execute(self, plan: SyncPlan, context: Context, stop: StopSignal) -> dict[str, Any]:
        from airflow_provider_heap.hooks.telemetry import emit

        self._run = run = self.sync_run(plan, stop=stop)
        self.app_url = plan.environment.app_url
        push_xcom(context, HeapLink.key, self.app_url)
        try:
            report = run.execute().as_dict()
        except BaseException:
            push_xcom(context, "report", run.report.as_dict())
            raise
        finally:
            tags = {"dag_id": self.dag_id, "task_id": self.task_id}
            emit(self.hook, plan.environment, plan.heap_object, run.report, **tags)
        add_to_asset_events(context, self.outlets or (), report)
        return report

    def on_kill(self) -> None:
        """End the sync: what Heap has answered is counted, and the task fails within seconds."""
        stop: StopSignal | None = vars(self).get("_stop")
        if stop is not None:
            error = SyncStoppedError(
                f"Sync {self.sync_name or f'{self.dag_id}.{self.task_id}'} was told to stop; what Heap had answered by "
                "then is counted."
            )
            # Airflow calls this inside of a signal handler, on the very thread that may hold the signal's lock.
            Thread(target=stop.set, args=(error,), daemon=True).start()

    def _listen_for_stop(self) -> StopSignal:
        """Return the signal that :meth:`on_kill` sets from now on."""
        from airflow_provider_heap.sync.stop_signal import StopSignal

        self._stop = StopSignal()
        return self._stop


def run_stoppable(function: Callable[[], Any], stop: StopSignal) -> Any:
    """
    Call something that may wait for Airflow's API, a secrets backend or a database, in a way that a stop ends.

    :param function: called on a thread of its own.
    :param stop: ends the wait.
    :return: what it returned.
    """
    from airflow_provider_heap.sync.stop_signal import BackgroundCall

    call = BackgroundCall(function, "heap-plan", stop)
    stop.wait_for(call.returned)
    return call.result()


def _holder(context: Context) -> Holder:
    """Return who runs a sync: all mapped instances of a DAG run share it, a retry takes over from its own instance."""
    from airflow_provider_heap.sync.plan import Holder

    ti = context.get("ti")
    return Holder(f"{ti.dag_id}/{ti.run_id}", f"{ti.task_id}[{ti.map_index}]") if ti else Holder(uuid4().hex)


def _path_of_try(
    name: str, path: str | ObjectStoragePath | None, context: Context, suffix: str = ""
) -> ObjectStoragePath | None:
    """Return a path of its own for each try, below the folder that a parameter names; None when it names none."""
    if not path:
        return None
    ti = context["ti"]
    folder = storage_folder(name, path)
    return path_of_try(folder, ti.dag_id, ti.task_id, ti.run_id, ti.map_index, ti.try_number, suffix)


def _warnings(context: Context, heap_object: HeapObject, delivery: DeliverySettings) -> tuple[str, ...]:
    is_mapped = getattr(context.get("ti"), "map_index", -1) >= 0
    if not is_mapped or delivery.rate_limit is not None or not heap_object.rate_limit:
        return ()
    return (
        f"This task is mapped, and each instance goes at {heap_object.rate_limit:,} {heap_object.name}s a minute, "
        "which is what Heap takes from all of them together: set rate_limit to that divided by the instances that run "
        "at once, or let one run at a time with max_active_tis_per_dagrun=1 or a pool",
    )
