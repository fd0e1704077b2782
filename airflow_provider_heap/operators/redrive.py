"""Sends the items that Heap refused once more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.operators.delivery import HeapDeliveryOperator
from airflow_provider_heap.operators.parameters import is_empty
from airflow_provider_heap.sync.rejects import reader as redrive
from airflow_provider_heap.sync.report import Report
from airflow_provider_heap.sync.run import Chunks, Log, RunMode, SyncRun

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class HeapRedriveOperator(HeapDeliveryOperator):
    """
    Send the items of a rejects file again, as they were, after the cause is gone.

    Invalid rows of the file never became an item: mend the model, and run the sync again.

    .. seealso:: How they are delivered: :class:`.HeapDeliveryOperator`. ``sync_name`` is that of the file when not
        given, so with ``state_conn_id`` the items are recorded for their sync.

    :param path: a file that ``rejects_path`` got, or a folder of such files, a path or any URL of
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
    def source(self) -> str:
        """How messages call what is read."""
        return str(self.path)

    def execute(self, context: Context) -> dict[str, Any]:
        """
        Send the items.

        :param context: Airflow's.
        :return: the counters, as the sync operators return them.
        :raises HeapError: one of its classes, with the counters as ``report``.
        """
        if is_empty(self.path) or not self.survey().chosen:
            self.log.info("%s holds no item to send", self.path or "The path is empty, so it")
            return Report().as_dict()
        return super().execute(context)

    def survey(self) -> redrive.RejectsSummary:
        """
        Look through the files without sending anything.

        :raises ModelError: when there is no such file, or it is no rejects file.
        """
        return redrive.survey(self._files(), self._wanted)

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
        :param aim: what to do with the items; ``dry_run`` sends none.
        :param log: where to tell what happens; the task's log when not given.
        :param keep: called in a dry run with the number of each request and its body.
        :raises HeapError: when a parameter, a file or a connection can't be right.
        """
        found = self.survey()
        self.sync_name, self.heap_object, _ = found.only()
        if found.invalid:
            (log or self.log).warning(
                "%s rows of %s are invalid: they never became an item, so they can't be sent. Mend the model or the "
                "mapping, and run the sync again",
                f"{found.invalid:,}",
                self.path,
            )
        return super().prepare(context, aim, log, keep)

    def chunks(self) -> Chunks:
        """Return the items, in the order of the files."""
        return redrive.chunks(self._files(), self._wanted, self.heap_object)

    @property
    def _wanted(self) -> redrive.RejectFilter:
        sync = None if is_empty(self.sync_name) else self.sync_name
        return redrive.RejectFilter(_names(self.reason), _names(self.key), sync)

    def _files(self) -> list[redrive.RejectsFile]:
        path = ObjectStoragePath(self.path or "")
        found = [path] if path.is_file() else sorted(path.rglob("*.jsonl"), key=str)
        if not found:
            raise ModelError(f"There is no rejects file at {self.path}.")
        return [redrive.RejectsFile(str(one), lambda one=one: one.open("rb")) for one in found]  # type: ignore[misc]


def _names(value: Any) -> frozenset[str]:
    if is_empty(value):
        return frozenset()
    return frozenset([value] if isinstance(value, str) else map(str, value))
