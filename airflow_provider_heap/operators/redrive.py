"""Send the items that Heap refused again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.operators.delivery import HeapDeliveryOperator
from airflow_provider_heap.operators.parameters import is_unset
from airflow_provider_heap.run_files import REJECTS_SUFFIX, in_order
from airflow_provider_heap.sync.items import MappedRows
from airflow_provider_heap.sync.plan import SyncPlan
from airflow_provider_heap.sync.rejects import reader
from airflow_provider_heap.sync.rejects.reader import RejectFilter, RejectsFile, RejectsSummary
from airflow_provider_heap.sync.report import Report
from airflow_provider_heap.wording import counted

__all__ = ["HeapRedriveOperator"]

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class HeapRedriveOperator(HeapDeliveryOperator):
    """
    Send the items of a rejects file again, as they were, after the cause is gone.

    Invalid rows of the file never became an item: fix the model, and run the sync again.

    .. seealso:: How they are delivered: :class:`.HeapDeliveryOperator`. ``sync_name`` is that of the file when not
        given, so with ``state_conn_id`` the items are recorded for their sync.

    :param path: a file that a run wrote below ``rejects_path``, or a folder of such files, a path or any URL of
        ``ObjectStoragePath``. Nothing is sent when it is empty, as the ``rejects`` of a report is when all arrived.
        (templated)
    :param reason: only items that were rejected for this reason, or one of a list, such as ``http_400``. (templated)
    :param key: only those of this Account ID, identity or insert ID, or of one of a list. (templated)
    """

    template_fields: Sequence[str] = (*HeapDeliveryOperator.template_fields, "path", "reason", "key")

    def __init__(
        self,
        *,
        path: str | ObjectStoragePath | None,
        reason: str | Sequence[str] | None = None,
        key: str | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.path = path
        self.reason = reason
        self.key = key

    @property
    def source_label(self) -> str:
        """How messages call what is read."""
        return str(self.path)

    def execute(self, context: Context) -> dict[str, Any]:
        """
        Send the items.

        :param context: Airflow's.
        :return: the counters, as the sync operators return them.
        :raises HeapError: one of its classes, with the counters as ``report``.
        """
        if is_unset(self.path) or not self.summarize().chosen:
            self.log.info("%s holds no item to send", self.path or "The path is empty, so it")
            return Report().as_dict()
        return super().execute(context)

    def summarize(self) -> RejectsSummary:
        """
        Count what the files hold, without sending anything.

        :raises ModelError: when there is no such file, or it is not a rejects file.
        """
        return reader.summarize(self._files(), self._wanted)

    def plan(self, context: Context) -> SyncPlan:
        """
        Return what a run of this task is going to do: object and sync are those of the files.

        :param context: Airflow's.
        :raises HeapError: when a parameter, a file or a connection can't be right.
        """
        summary = self.summarize()
        name, heap_object, _ = summary.only()
        plan = self._plan(context, heap_object, name)
        if not summary.invalid:
            return plan
        warning = (
            f"Not sent: {counted(summary.invalid, 'invalid row')} of {self.path}, which never became an item. "
            "Fix the model or the mapping, and run the sync again"
        )
        return replace(plan, warnings=(*plan.warnings, warning))

    @contextmanager
    def open_rows(self, plan: SyncPlan) -> Iterator[MappedRows]:
        """
        Read the items, in the order of the files.

        :param plan: the run's.
        :raises ModelError: when a file is not a rejects file.
        """
        wanted = replace(self._wanted, sync=plan.name)
        with closing(reader.read_chunks(self._files(), wanted, plan.heap_object)) as chunks:
            yield MappedRows(chunks)

    @property
    def _wanted(self) -> RejectFilter:
        sync = None if is_unset(self.sync_name) else self.sync_name
        return RejectFilter(_names(self.reason), _names(self.key), sync)

    def _files(self) -> list[RejectsFile]:
        path = ObjectStoragePath(self.path or "")
        paths = [path] if path.is_file() else sorted(path.rglob(f"*{REJECTS_SUFFIX}"), key=in_order)
        if not paths:
            raise ModelError(f"There is no rejects file at {self.path}.")
        return [RejectsFile(str(one), lambda one=one: one.open("rb")) for one in paths]  # type: ignore[misc]


def _names(value: Any) -> frozenset[str]:
    if is_unset(value):
        return frozenset()
    return frozenset([value] if isinstance(value, str) else map(str, value))
