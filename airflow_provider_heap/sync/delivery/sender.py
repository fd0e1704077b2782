"""
How one batch is brought to Heap, whatever Heap answers.

Heap answers a request as a whole, and what one bad item does to the others of its request is not documented. So a
refused batch is bisected, depth first and in order, until the bad item is alone and the others have arrived.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Collection

from airflow_provider_heap.api.client import HeapClient
from airflow_provider_heap.api.objects import HeapObject
from airflow_provider_heap.api.rate_limiter import RateLimiter
from airflow_provider_heap.api.response import Response
from airflow_provider_heap.exceptions import HeapConfigurationError, HeapRefusedError, HeapUnavailableError
from airflow_provider_heap.sync.delivery.batch_queue import BatchQueue
from airflow_provider_heap.sync.delivery.ledger import BISECT_ALLOWANCE, OutcomeLedger
from airflow_provider_heap.sync.items import ItemBatch
from airflow_provider_heap.wording import counted

#: Items refused one by one, with nothing accepted yet, until we ask whether Heap refuses everything ...
REFUSALS_BEFORE_PROBING = 20
#: ... by trying so many items from other places.
PROBE_COUNT = 5

#: Tries of a part of a batch on which the server failed every time: the part with the bad item will fail again.
TRIES_OF_PART = 2
TRIES_OF_ONE = 5
#: Single items in a row on which the server failed, with nothing accepted in between, until we call it an outage.
MAX_FAILED_ITEMS_IN_A_ROW = 3


class BatchSender:
    """
    Deliver batches to Heap. Shared by all threads of a run.

    ``_lock`` guards ``_refusals``, ``_failures``, ``_probe_accepted`` and ``_taken``. ``_bisect_lock`` is held by the
    one batch that is bisected while Heap has accepted nothing, so that a wrong App ID is found out in few requests.

    :param client: sends requests.
    :param heap_object: what the items are.
    :param rate_limiter: how fast they may go.
    :param ledger: takes their outcomes.
    :param queue: the batches that are in flight or wait.
    """

    def __init__(
        self,
        client: HeapClient,
        heap_object: HeapObject,
        rate_limiter: RateLimiter,
        ledger: OutcomeLedger,
        queue: BatchQueue,
    ) -> None:
        self._client = client
        self._object = heap_object
        self._rate_limiter = rate_limiter
        self._ledger = ledger
        self._queue = queue
        self._refusals = 0
        self._failures = 0
        # A probe is not counted as sent, since it comes again in its place; but of those who are deleted, nobody does.
        self._probe_accepted = False
        self._taken: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._bisect_lock = threading.Lock()

    def deliver(self, batch: ItemBatch) -> None:
        """
        Bring a batch to Heap: in the end each of its items is accepted or rejected.

        :param batch: the items of one request.
        :raises HeapUnavailableError: when Heap can't be reached or keeps failing.
        :raises HeapConfigurationError: when the address seems not to be Heap's.
        :raises HeapRefusedError: when Heap refuses everything.
        :raises StateError: when the state can't be written.
        :raises SyncRunningError: when another run took the sync.
        :raises RateLimiterClosed: when the run ends before that.
        """
        sent_before = self._ledger.sent
        if not len(items := _without(batch, self._taken)):
            return
        self._ledger.begin(items)
        response = self._send(items)
        if response.accepted:
            self._accept(items, response)
            return
        self._raise_if_hopeless(response)
        if response.server_error and not self._server_works(batch):
            raise self._unavailable(response)
        while not self._anything_accepted:
            if self._bisect_lock.acquire(timeout=0.1):
                try:
                    self._bisect(batch, items, response, sent_before)
                    return
                finally:
                    self._bisect_lock.release()
            self._rate_limiter.sleep(0)  # ends the wait when the run ends
        self._bisect(batch, items, response, sent_before)

    @property
    def _anything_accepted(self) -> bool:
        return self._probe_accepted or self._ledger.sent > 0

    def _send(self, items: ItemBatch, tries: int | None = None) -> Response:
        return self._client.send(
            self._object,
            items.bodies.joined(),
            count=len(items),
            person_keys=items.person_keys,
            rate_limiter=self._rate_limiter,
            tries=tries,
            before_try=self._ledger.assert_may_send,
        )

    def _accept(self, items: ItemBatch, response: Response) -> None:
        with self._lock:
            self._failures = 0
        self._ledger.accept(items, response.request_id)

    def _raise_if_hopeless(self, response: Response) -> None:
        """Raise when no bisecting can help."""
        if response.transient and not response.server_error:
            raise self._unavailable(response)
        if response.wrong_address and not self._anything_accepted:
            raise HeapConfigurationError(
                f"{self._client.environment.label} answered {response.status} before it accepted anything, which Heap "
                "is not known to do: look at Region and Host of the Heap connection. It said: "
                f"{_without_values(response)}"
            )

    def _server_works(self, failed: ItemBatch) -> bool:
        """Return whether the server that failed on a batch takes others."""
        if not self._anything_accepted:
            others = [batch for batch in self._queue.undelivered() if batch is not failed]
            for probe in _probes(others):
                if self._probe(probe, 1).accepted:
                    break
        return self._anything_accepted

    def _probe(self, probe: ItemBatch, tries: int | None = None) -> Response:
        self._ledger.begin(probe)
        response = self._send(probe, tries)
        if response.accepted:
            with self._lock:
                self._probe_accepted = True
                self._taken |= frozenset(probe.keys if self._object.deletes else ())
            if self._object.deletes:
                self._accept(probe, response)
        return response

    def _bisect(self, batch: ItemBatch, items: ItemBatch, response: Response, sent_before: int) -> None:
        """Deliver items of a batch that were answered with something else than a 2xx."""
        # Single items on which the server failed, until it is seen to work for others.
        unresolved: list[tuple[ItemBatch, Response]] = []
        parts = [items]
        self._split(parts, batch, response, sent_before, unresolved)
        while parts:
            if not len(part := _without(parts.pop(), self._taken)):
                continue
            parts.append(part)
            tries = None if not response.server_error else TRIES_OF_PART if len(part) > 1 else TRIES_OF_ONE
            answer = self._send(part, tries)
            if answer.transient and not answer.server_error and response.server_error:
                answer = self._send(part)
            if answer.accepted:
                parts.pop()
                self._accept(part, answer)
                while unresolved:
                    self._ledger.reject(*unresolved.pop(0))
                continue
            self._raise_if_hopeless(answer)
            response = answer
            self._split(parts, batch, response, sent_before, unresolved)
        if unresolved:
            raise self._unavailable(unresolved[-1][1])

    def _split(
        self,
        parts: list[ItemBatch],
        batch: ItemBatch,
        response: Response,
        sent_before: int,
        unresolved: list[tuple[ItemBatch, Response]],
    ) -> None:
        """Settle the next part, which did not arrive, or put its halves in its place."""
        part = parts.pop()
        if len(part) > 1 and not self._ledger.tolerance_exceeded(BISECT_ALLOWANCE):
            middle = len(part) // 2
            parts += [part[middle:], part[:middle]]
        elif not response.server_error:
            self._ledger.reject(part, response)
            others = [other for other in self._queue.undelivered() if other is not batch]
            self._count_refusal(response, [*reversed(parts), *others])
        else:
            with self._lock:
                self._failures += 1
                is_outage = self._failures > MAX_FAILED_ITEMS_IN_A_ROW
            if is_outage:
                raise self._unavailable(response)
            if self._ledger.sent > sent_before:
                self._ledger.reject(part, response)
            else:
                unresolved.append((part, response))

    def _count_refusal(self, response: Response, elsewhere: list[ItemBatch]) -> None:
        """Count single refusals, and find out in time whether Heap refuses everything."""
        if self._anything_accepted:
            return
        with self._lock:
            self._refusals += 1
            must_probe = self._refusals == REFUSALS_BEFORE_PROBING
        if not must_probe:
            return
        for probe in _probes(elsewhere):
            answer = self._probe(probe)
            if answer.accepted:
                return
            self._raise_if_hopeless(answer)
        raise HeapRefusedError(
            f"{self._client.environment.label} refused {REFUSALS_BEFORE_PROBING} items one by one, others "
            f"from elsewhere too, and accepted none: look at App ID and Region of the Heap connection. "
            f"It said: {_without_values(response)}"
        )

    def _unavailable(self, response: Response) -> HeapUnavailableError:
        what = f"answered {response.status}" if response.status else f"could not be reached ({response.text})"
        return HeapUnavailableError(
            f"{self._client.environment.label} {what} on every try; {counted(self._ledger.sent, 'row')} had arrived. "
            "A retry of the task sends the rest."
        )


def _without(items: ItemBatch, keys: Collection[str]) -> ItemBatch:
    """Return items without those of some keys."""
    return items.select([key not in keys for key in items.keys]) if keys else items


def _probes(undelivered: list[ItemBatch]) -> list[ItemBatch]:
    """
    Pick single items from all over what has no outcome yet.

    Only keys that come once: a probe is sent again in its place, and must not overtake another item of its key.
    """
    times = Counter(key for batch in undelivered for key in batch.keys)
    alone = [
        batch[position : position + 1]
        for batch in undelivered
        for position, key in enumerate(batch.keys)
        if times[key] == 1
    ]
    picked = {(2 * i + 1) * len(alone) // (2 * PROBE_COUNT) for i in range(PROBE_COUNT)} if alone else set()
    return [alone[position] for position in sorted(picked)]


def _without_values(response: Response, length: int = 200) -> str:
    """Return what a message may show of Heap's text: quoted values and addresses are personal data."""
    text = re.sub(r"([\"'`]).*?\1", r"\1...\1", " ".join(response.text.split()))
    text = re.sub(r"\S+@\S+", "...", text)
    return (text[:length] + "..." if len(text) > length else text) or "nothing"
