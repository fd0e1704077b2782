"""What all operators share that bring items to Heap: the way there, the state, and what they leave behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cached_property
from threading import Thread
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

from airflow.providers.common.compat.sdk import BaseOperator, ObjectStoragePath

from airflow_provider_heap.api.objects import HeapObject
from airflow_provider_heap.hooks.heap import HeapHook
from airflow_provider_heap.hooks.sql import state_store
from airflow_provider_heap.hooks.telemetry import tell
from airflow_provider_heap.links.heap import HeapLink
from airflow_provider_heap.operators.parameters import count_or_share, flag, is_empty, seconds, whole
from airflow_provider_heap.operators.xcom import leave, tell_assets
from airflow_provider_heap.sync.guards import Guards
from airflow_provider_heap.sync.plan import StateSettings
from airflow_provider_heap.sync.rejects.writer import RejectsWriter
from airflow_provider_heap.sync.run import Chunks, DeliverySettings, Log, RunMode, SyncRun
from airflow_provider_heap.sync.state.lease import Holder
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.sync.state.store import Store
from airflow_provider_heap.sync.state.sync_state import SyncState
from airflow_provider_heap.sync.state.tables import DEFAULT_TABLE

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class HeapDeliveryOperator(BaseOperator):
    """
    How items are delivered; shared by all operators of this package.

    :param heap_conn_id: connection of type ``heap``. (templated)
    :param batch_size: items in one request, 1 to 1000.
    :param concurrency: requests in flight.
    :param rate_limit: items a minute, repeated ones included; None for what Heap documents: 15,000 events and 1000 for
        one identity, no limit for accounts and users. 0 turns both off. (templated)
    :param max_rejected: invalid and rejected rows that the task forgives: an int is a count, a float below 1 a share of
        the rows read. (templated)
    :param rejects_path: folder, a path or any URL of ``ObjectStoragePath``, for the rows that did not arrive: each try
        writes ``<dag>/<task>/<run>/<map index>-<try>.jsonl``. (templated)
    :param state_conn_id: any SQL connection that may hold a table, for what was sent: then only rows that are new or
        changed are sent. None sends every row in every run.
    :param state_table: the table's name, may be ``schema.table``; it makes itself.
    :param sync_name: names the sync and its state, so that a renamed task can keep it; ``dag_id.task_id`` when not
        given. (templated)
    :param full_sync: send all rows, whatever the state says, and record them. (templated)
    :param dry_run: do everything but sending and recording; the report has ``would_send``. (templated)
    :param dry_run_path: folder, a path or any URL of ``ObjectStoragePath``, for the exact bodies of a dry run's
        requests: each try writes ``<dag>/<task>/<run>/<map index>-<try>/000001.json`` and so on. (templated)
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
        "dry_run",
        "dry_run_path",
    )
    operator_extra_links = (HeapLink(),)
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
        state_table: str = DEFAULT_TABLE,
        sync_name: str | None = None,
        full_sync: bool | str = False,
        dry_run: bool | str = False,
        dry_run_path: str | ObjectStoragePath | None = None,
        **kwargs: Any,
    ) -> None:
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
        self.dry_run = dry_run  # type: ignore[assignment,method-assign]
        self.dry_run_path = dry_run_path

    @cached_property
    def hook(self) -> HeapHook:
        """The hook of ``heap_conn_id``."""
        return HeapHook(self.heap_conn_id)

    @property
    def source(self) -> str:
        """How messages call what is read."""
        raise NotImplementedError

    def chunks(self) -> Chunks:
        """Return what there is to read."""
        raise NotImplementedError

    def guards(self) -> Guards:
        """Return what must hold before the first request: nothing."""
        return Guards()

    def scope(self) -> StateKey:
        """
        Return whose state the sync's is.

        :raises HeapConfigurationError: when the Heap connection can't be right.
        """
        return StateKey(self.sync_name or f"{self.dag_id}.{self.task_id}", self.hook.environment(), self.heap_object)

    def store(self) -> Store | None:
        """
        Return where state is kept; None when it isn't.

        :raises ModelError: when that connection can't hold a table.
        """
        return state_store(self.state_conn_id, self.state_table) if self.state_conn_id else None

    def execute(self, context: Context) -> dict[str, Any]:
        """
        Run the sync.

        :param context: Airflow's.
        :return: the counters: read, unchanged, invalid, rejected, sent, truncated, requests, bytes, seconds, reasons
            and rejects (the file of rows that did not arrive); with state or unique_key also duplicate_keys; in a dry
            run also would_send and dry_run_path.
        :raises HeapError: one of its classes, with the counters as ``report``.
        """
        sync, chunks = self.prepare(context)
        leave(context, HeapLink.key, sync.environment.app_url)
        try:
            report = sync.run(chunks).as_dict()
        except BaseException:
            leave(context, "report", sync.report.as_dict())
            raise
        finally:
            tags = {"dag_id": self.dag_id, "task_id": self.task_id}
            tell(self.hook, sync.environment, self.heap_object, sync.report, **tags)
        tell_assets(context, self.outlets or (), report)
        return report

    def prepare(
        self,
        context: Context,
        aim: RunMode = RunMode.SEND,
        log: Log | None = None,
        keep: Callable[[int, bytes], None] | None = None,
    ) -> tuple[SyncRun, Chunks]:
        """
        Return a run that is about to begin, and what it reads.

        :param context: Airflow's.
        :param aim: what to do with the rows; ``dry_run`` sends none.
        :param log: where to tell what happens; the task's log when not given.
        :param keep: called in a dry run with the number of each request and its body; they go to ``dry_run_path`` when
            not given.
        :raises HeapError: when a parameter or a connection can't be right.
        """
        settings = DeliverySettings(
            batch_size=whole("batch_size", self.batch_size),
            concurrency=whole("concurrency", self.concurrency),
            rate_limit=None if is_empty(self.rate_limit) else whole("rate_limit", self.rate_limit),
            max_rejected=count_or_share("max_rejected", self.max_rejected),
        )
        if settings.rate_limit is None and self.heap_object.rate_limit and _is_mapped(context):
            (log or self.log).warning(
                "This task is mapped, and each instance goes at %s %ss a minute, which is what Heap takes from all of "
                "them together: set rate_limit to that divided by the instances that run at once, or let one run at a "
                "time with max_active_tis_per_dagrun=1 or a pool",
                f"{self.heap_object.rate_limit:,}",
                self.heap_object.name,
            )
        if aim is RunMode.SEND and flag("dry_run", self.dry_run):
            aim = RunMode.DRY_RUN
        folder = self._folder(self.dry_run_path, context) if aim is RunMode.DRY_RUN and not keep else None
        self._sync = SyncRun(
            self.heap_object,
            self.hook.get_conn(settings.concurrency),
            settings,
            name=self.scope().sync,
            source=self.source,
            rejects=self._rejects(context),
            state=self._state(context, aim),
            log=log or self.log,
            aim=aim,
            guards=self.guards(),
            keep=_keeper(folder) if folder else keep,
        )
        self._sync.report.dry_run_path = str(folder) if folder else None
        return self._sync, self.chunks()

    def on_kill(self) -> None:
        """End the sync: what Heap has answered is counted, and the task fails within seconds."""
        sync: SyncRun | None = getattr(self, "_sync", None)
        if sync is not None:
            # Airflow calls this inside of a signal handler, on the very thread that may hold the sync's locks.
            Thread(target=sync.stop, args=("was told to stop",), daemon=True).start()

    def _state(self, context: Context, aim: RunMode) -> SyncState | None:
        store, ti = self.store(), context.get("ti")
        if store is None:
            return None
        holder = Holder(f"{ti.dag_id}/{ti.run_id}", f"{ti.task_id}[{ti.map_index}]") if ti else Holder(uuid4().hex)
        return SyncState(
            store,
            self.scope(),
            holder,
            StateSettings(
                self.state_conn_id or "",
                self.state_table,
                full_sync=flag("full_sync", self.full_sync),
                retention=seconds("state_retention", self.state_retention),
            ),
            read_only=aim is RunMode.DRY_RUN,
        )

    def _rejects(self, context: Context) -> RejectsWriter:
        path = self._folder(self.rejects_path, context, ".jsonl")
        if not path:
            return RejectsWriter()
        return RejectsWriter(lambda: _new_file(path), str(path), self.scope().sync, self.heap_object.name)

    @staticmethod
    def _folder(path: str | ObjectStoragePath | None, context: Context, ending: str = "") -> ObjectStoragePath | None:
        """Return a place of its own for each try, below a folder; None when there is no folder."""
        if not path:
            return None
        ti = context["ti"]
        folder = ObjectStoragePath(path) / ti.dag_id / ti.task_id / ti.run_id
        return folder / f"{ti.map_index}-{ti.try_number}{ending}"


def _new_file(path: ObjectStoragePath) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    file: IO[bytes] = path.open("wb")  # type: ignore[no-untyped-call]
    return file


def _keeper(folder: ObjectStoragePath) -> Callable[[int, bytes], None]:
    """Return what keeps the body of each request in a file of its own."""

    def keep(number: int, body: bytes) -> None:
        with _new_file(folder / f"{number:06}.json") as file:
            file.write(body)

    return keep


def _is_mapped(context: Context) -> bool:
    return getattr(context.get("ti"), "map_index", -1) >= 0
