"""Wait in the triggerer until Heap has deleted users."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

from airflow_provider_heap.api.deletions import UnknownRequestError
from airflow_provider_heap.api.objects import COMPLETE, USER_DELETION
from airflow_provider_heap.exceptions import HeapError, HeapUnavailableError
from airflow_provider_heap.hooks.heap import HeapHook
from airflow_provider_heap.wording import counted

if TYPE_CHECKING:
    from airflow_provider_heap.api.client import HeapClient

__all__ = ["HeapDeletionTrigger"]


class HeapDeletionTrigger(BaseTrigger):
    """
    Ask Heap for the status of deletions until all are complete.

    It keeps nothing but what it was made from, so a triggerer that starts again, or another one that takes over, just
    asks again. Its event says when each deletion was seen to be complete, which of them Heap does not know and, if
    something went wrong, what.

    :param heap_conn_id: connection of type ``heap``, with an API key.
    :param request_ids: Heap's IDs of the deletions.
    :param poll_interval: seconds between two rounds of questions.
    """

    def __init__(self, heap_conn_id: str, request_ids: Sequence[str], poll_interval: float = 60.0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.heap_conn_id = heap_conn_id
        self.request_ids = list(request_ids)
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and the arguments that make this trigger again; there is no secret among them."""
        arguments = {name: getattr(self, name) for name in ("heap_conn_id", "request_ids", "poll_interval")}
        return "airflow_provider_heap.triggers.heap.HeapDeletionTrigger", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: there is nothing more to wait for, or Heap can't be asked."""
        completed_at: dict[str, int] = {}
        unknown: dict[str, str] = {}
        error = None
        try:
            client = await sync_to_async(self._open_client)()
            try:
                await self._wait(client, completed_at, unknown)
            finally:
                client.close()
        except HeapError as failure:
            error = str(failure)
        error = error or next(iter(unknown.values()), None)
        payload = {"completed_at": completed_at, "unknown": list(unknown), "error": error}
        yield TriggerEvent(payload)  # type: ignore[no-untyped-call]

    async def _wait(self, client: HeapClient, completed_at: dict[str, int], unknown: dict[str, str]) -> None:
        while pending := [each for each in self.request_ids if each not in completed_at and each not in unknown]:
            for request_id in pending:
                try:
                    if await self._is_complete(client, request_id):
                        completed_at[request_id] = int(time.time())
                except UnknownRequestError as error:
                    unknown[request_id] = str(error)
            self.log.info("Complete: %d of %s", len(completed_at), counted(len(self.request_ids), "deletion"))
            if len(completed_at) + len(unknown) < len(self.request_ids):
                await asyncio.sleep(self.poll_interval)

    async def _is_complete(self, client: HeapClient, request_id: str) -> bool:
        try:
            # On a thread, because other triggers share the loop. Each round is a try, so one is enough here.
            return await asyncio.to_thread(client.deletion_status, request_id, tries=1) == COMPLETE
        except HeapUnavailableError as error:
            self.log.warning("%s The next round asks again", error)
            return False

    def _open_client(self) -> HeapClient:
        from airflow_provider_heap.api.client import HeapClient

        return HeapClient(HeapHook(self.heap_conn_id).environment(USER_DELETION))
