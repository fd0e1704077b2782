"""Ask Heap to delete the people that a model names, and wait until it has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_heap.api.objects import MAX_DELETIONS, USER_DELETION
from airflow_provider_heap.exceptions import HeapConfigurationError, ModelError
from airflow_provider_heap.operators.delivery import run_stoppable
from airflow_provider_heap.operators.parameters import is_unset, parse_bool, parse_timeout
from airflow_provider_heap.operators.sync import HeapSyncOperator
from airflow_provider_heap.operators.xcom import add_to_asset_events, push_xcom
from airflow_provider_heap.sync.mapping import Constant
from airflow_provider_heap.wording import counted

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_heap.sync.plan import SyncPlan
    from airflow_provider_heap.sync.state.deletions import DeletionRecords

__all__ = ["HeapUserDeletionOperator"]


class HeapUserDeletionOperator(HeapSyncOperator):
    """
    Delete users for good: from all environments of the account, with their data. Nothing brings them back.

    Heap takes the App ID of the account's Main Production environment, with an API key
    (https://developers.heap.io/reference/user-deletion). It deletes later, so the task waits, deferred, until Heap says
    that it is done; meanwhile it holds no worker. With ``state_conn_id`` nobody is asked for twice, and a later run
    also waits for what an earlier one asked for.

    .. seealso:: All other parameters: :class:`.HeapSyncOperator`. There are no properties.

    :param max_rows: guard: most rows that the model may have; nobody is deleted when there are more. (templated)
    :param identity: column of the users' Identity.
    :param user_id: column of Heap's own user ID, instead of ``identity``.
    :param wait: wait until Heap has deleted all of them. False returns once it has been asked, with the IDs of the
        requests in ``deletion_requests``. (templated)
    :param poll_interval: how long to wait before Heap is asked again, a timedelta or a number of seconds.
    :param batch_size: users in one request, 1 to 10,000.
    :param concurrency: requests in flight.
    """

    heap_object = USER_DELETION
    template_fields: Sequence[str] = (*HeapSyncOperator.template_fields, "wait")

    def __init__(
        self,
        *,
        max_rows: int | str,
        identity: str | None = None,
        user_id: str | None = None,
        wait: bool | str = True,
        poll_interval: Any = 60.0,
        batch_size: int | str = MAX_DELETIONS,
        concurrency: int | str = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(max_rows=max_rows, batch_size=batch_size, concurrency=concurrency, **kwargs)
        self.identity = identity
        self.user_id = user_id
        self.wait = wait
        self.poll_interval = poll_interval

    def item_fields(self) -> dict[str, str | Constant]:
        """
        Return the column that names the user.

        :raises ModelError: when not exactly one does.
        """
        columns = {name: getattr(self, name) for name in self.heap_object.person_fields}
        given: dict[str, str | Constant] = {name: column for name, column in columns.items() if column is not None}
        if len(given) != 1:
            raise ModelError(f"Give exactly one of {' and '.join(columns)}.")
        return given

    def sync_key(self, value: str, event: str | None = None) -> str:
        """
        Return the key that the state knows a user by.

        :param value: an identity or a user ID, whichever the task maps.
        :param event: not used.
        """
        [name] = self.item_fields()
        return self.heap_object.key_of({name: value})

    def plan(self, context: Context) -> SyncPlan:
        """
        Return what a run of this task is going to do. Connections are looked up, but nothing is opened.

        :param context: Airflow's.
        :raises HeapError: when a parameter or a connection can't be right, or ``max_rows`` is missing.
        """
        if is_unset(self.max_rows):
            raise ModelError(
                "max_rows is missing. A deletion can't be undone, so say how many rows the model may have at most."
            )
        self.item_fields()
        parse_bool("wait", self.wait)
        parse_timeout("poll_interval", self.poll_interval)
        return super().plan(context)

    def execute(self, context: Context) -> dict[str, Any]:
        """
        Ask Heap to delete the users, and defer until it has.

        :param context: Airflow's.
        :return: the counters, with the IDs of the requests as ``deletion_requests``.
        :raises HeapError: one of its classes, with the counters as ``report``.
        """
        report = super().execute(context)
        if not parse_bool("wait", self.wait) or parse_bool("dry_run", self.dry_run):
            return report
        requests = self._pending(context, report["deletion_requests"])
        if requests:
            self._defer(requests, report)
        return report

    def execute_complete(self, context: Context, event: dict[str, Any], report: dict[str, Any]) -> dict[str, Any]:
        """
        Record how far the deletions are, and end the task.

        :param context: Airflow's.
        :param event: the trigger's.
        :param report: the counters of the run that asked for them.
        :return: the counters.
        :raises HeapConfigurationError: when Heap could not be asked for one of them.
        """
        with self._open_records(context) as records:
            if records is not None:
                records.complete(event["completed_at"])
                # Fails this once, and is not waited for again: Heap would never say anything else.
                records.set_unknown(event["unknown"])
        if event["error"] is not None:
            push_xcom(context, "report", report)
            error = HeapConfigurationError(event["error"])
            error.report = report
            raise error
        self.log.info("Heap has deleted the users of %s", counted(len(event["completed_at"]), "request"))
        add_to_asset_events(context, self.outlets or (), report)
        return report

    def _defer(self, requests: Sequence[str], report: dict[str, Any]) -> None:
        from airflow_provider_heap.triggers.heap import HeapDeletionTrigger

        interval = parse_timeout("poll_interval", self.poll_interval)
        self.log.info("Deferred until Heap says that these deletions are complete: %s", ", ".join(requests))
        self.defer(
            trigger=HeapDeletionTrigger(self.heap_conn_id, requests, interval),
            method_name="execute_complete",
            kwargs={"report": report},
            timeout=self.execution_timeout,
        )

    def _pending(self, context: Context, requests: Iterable[str]) -> list[str]:
        """Return the requests of this run, and before them those of earlier runs that were not seen to be complete."""

        def read() -> list[str]:
            with self._open_records(context) as records:
                return [] if records is None else records.pending()

        return list(dict.fromkeys([*run_stoppable(read, self._stop), *requests]))

    @contextmanager
    def _open_records(self, context: Context) -> Iterator[DeletionRecords | None]:
        """Open what the state has about requests; None without state."""
        from airflow_provider_heap.sync.state.deletions import DeletionRecords
        from airflow_provider_heap.sync.state.state_key import StateKey

        if not self.state_conn_id:
            yield None
            return
        store = self.open_store()
        try:
            yield DeletionRecords(store, StateKey.of(self.plan(context)))
        finally:
            store.close()
