"""
How one batch is brought to Heap, whatever Heap answers.

Heap answers a request as a whole, and what one bad item does to the others of its request is not documented. So a
refused batch is halved, depth first and in order, until the bad item stands alone and the others have arrived.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable

from airflow_provider_heap.api.client import HeapClient, Response
from airflow_provider_heap.api.objects import HeapObject
from airflow_provider_heap.api.rate_limiter import RateLimiter
from airflow_provider_heap.exceptions import HeapConfigurationError, HeapRefusedError, HeapUnavailableError
from airflow_provider_heap.sync.delivery.ledger import PATIENCE, OutcomeLedger
from airflow_provider_heap.sync.items import ItemBatch

#: Items refused one by one, with nothing accepted yet, until we ask whether Heap refuses everything ...
REFUSALS_BEFORE_PROBING = 20
#: ... by trying so many items from other places.
PROBE_COUNT = 5

#: Tries of a part of a batch on which the server failed eight times: the part with the bad item will fail again.
TRIES_OF_PART = 2
TRIES_OF_ONE = 5
#: Single items in a row that the server failed on, with nothing accepted in between, until we call it an outage.
MAX_FAILED_ITEMS_IN_A_ROW = 3


class BatchSender:
    """
    Delivers batches; shared by all threads of a run.

    :param client: sends requests.
    :param heap_object: what the items are.
    :param pace: how fast they may go.
    :param outcomes: settles them.
    :param pending: gives the batches that are waiting or in flight.
    """

    def __init__(
        self,
        client: HeapClient,
        heap_object: HeapObject,
        pace: RateLimiter,
        outcomes: OutcomeLedger,
        pending: Callable[[], list[ItemBatch]],
    ) -> None:
        self._client = client
        self._object = heap_object
        self._pace = pace
        self._outcomes = outcomes
        self._pending = pending
        self._refusals = 0
        self._failures = 0
        #: A probe was accepted; it is not counted as sent, since it comes again in its place.
        self._probe_accepted = False
        # While Heap has accepted nothing, one batch at a time is halved: a wrong App ID is found out in few requests.
        self._bisect_lock = threading.Lock()

    def deliver(self, batch: ItemBatch) -> None:
        """
        Bring a batch to Heap: in the end each of its items is accepted or rejected.

        :param batch: at most 1000 items.
        :raises HeapUnavailableError: when Heap can't be reached or keeps failing.
        :raises HeapConfigurationError: when the address seems not to be Heap's.
        :raises HeapRefusedError: when Heap refuses everything.
        :raises RateLimiterClosed: when the run ends before that.
        """
        before = self._outcomes.sent
        answer = self._send(batch)
        if answer.accepted:
            self._accept(batch)
            return
        self._check(answer)
        if answer.server_error and not self._server_works(batch):
            raise self._unavailable(answer)
        while not self._anything_accepted:
            if self._bisect_lock.acquire(timeout=0.1):
                try:
                    self._halve(batch, answer, before)
                    return
                finally:
                    self._bisect_lock.release()
            self._pace.sleep(0)  # ends the wait when the run ends
        self._halve(batch, answer, before)

    @property
    def _anything_accepted(self) -> bool:
        return self._probe_accepted or self._outcomes.sent > 0

    def _send(self, items: ItemBatch, tries: int | None = None) -> Response:
        return self._client.send(
            self._object, items.bodies, person_keys=items.person_keys, rate_limiter=self._pace, tries=tries
        )

    def _accept(self, items: ItemBatch) -> None:
        self._failures = 0
        self._outcomes.accept(items)

    def _check(self, answer: Response) -> None:
        """Raise when no halving can help."""
        if answer.transient and not answer.server_error:
            raise self._unavailable(answer)
        if answer.wrong_address and not self._anything_accepted:
            raise HeapConfigurationError(
                f"{self._client.environment.label} answered {answer.status} before it accepted anything, which Heap is "
                f"not known to do: look at Region and Host of the Heap connection. It said: {_without_values(answer)}"
            )

    def _server_works(self, failed: ItemBatch) -> bool:
        """Tell whether the server that failed on a batch takes others."""
        if not self._anything_accepted:
            others = [items for items in self._pending() if items is not failed]
            self._probe_accepted = any(self._send(probe, 1).accepted for probe in _probes(others))
        return self._anything_accepted

    def _halve(self, batch: ItemBatch, answer: Response, before: int) -> None:
        """Deliver a batch that was answered with something else than a 2xx."""
        # Single items that the server failed on, until it is seen to work for others.
        suspects: list[tuple[ItemBatch, Response]] = []
        parts = [batch]
        self._split(parts, batch, answer, before, suspects)
        while parts:
            part = parts[-1]
            found = self._send(
                part, None if not answer.server_error else TRIES_OF_PART if len(part) > 1 else TRIES_OF_ONE
            )
            if found.transient and not found.server_error and answer.server_error:
                found = self._send(part)
            if found.accepted:
                parts.pop()
                self._accept(part)
                while suspects:
                    self._outcomes.reject(*suspects.pop(0))
                continue
            self._check(found)
            answer = found
            self._split(parts, batch, answer, before, suspects)
        if suspects:
            raise self._unavailable(suspects[-1][1])

    def _split(
        self,
        parts: list[ItemBatch],
        batch: ItemBatch,
        answer: Response,
        before: int,
        suspects: list[tuple[ItemBatch, Response]],
    ) -> None:
        """Settle the next part, which did not arrive, or put its halves in its place."""
        part = parts.pop()
        if len(part) > 1 and not self._outcomes.too_many(PATIENCE):
            middle = len(part) // 2
            parts += [part[middle:], part[:middle]]
        elif not answer.server_error:
            self._outcomes.reject(part, answer)
            self._refuse(answer, [*reversed(parts), *(items for items in self._pending() if items is not batch)])
        else:
            self._failures += 1
            if self._failures > MAX_FAILED_ITEMS_IN_A_ROW:
                raise self._unavailable(answer)
            if self._outcomes.sent > before:
                self._outcomes.reject(part, answer)
            else:
                suspects.append((part, answer))

    def _refuse(self, answer: Response, elsewhere: list[ItemBatch]) -> None:
        """Count single refusals, and find out in time whether Heap refuses everything."""
        if self._anything_accepted:
            return
        self._refusals += 1
        if self._refusals != REFUSALS_BEFORE_PROBING:
            return
        for probe in _probes(elsewhere):
            found = self._send(probe)
            if found.accepted:
                self._probe_accepted = True
                return
            self._check(found)
        raise HeapRefusedError(
            f"{self._client.environment.label} refused {REFUSALS_BEFORE_PROBING} items one by one, others "
            f"from elsewhere too, and accepted none: look at App ID and Region of the Heap connection. "
            f"It said: {_without_values(answer)}"
        )

    def _unavailable(self, answer: Response) -> HeapUnavailableError:
        what = f"answered {answer.status}" if answer.status else f"could not be reached ({answer.text})"
        return HeapUnavailableError(
            f"{self._client.environment.label} {what} on every try; {self._outcomes.sent:,} rows had arrived. "
            "A retry of the task sends the rest."
        )


def _probes(pending: list[ItemBatch]) -> list[ItemBatch]:
    """
    Pick single items from all over what has not been judged.

    Only keys that come once: a probe is sent again in its place, and must not overtake another item of its key.
    """
    times = Counter(key for items in pending for key in items.keys)
    alone = [items[place : place + 1] for items in pending for place, key in enumerate(items.keys) if times[key] == 1]
    picked = {(2 * i + 1) * len(alone) // (2 * PROBE_COUNT) for i in range(PROBE_COUNT)} if alone else set()
    return [alone[place] for place in sorted(picked)]


def _without_values(answer: Response, length: int = 200) -> str:
    """Return what a message may show of Heap's text: quoted values and addresses are personal data."""
    text = re.sub(r"([\"'`]).*?\1", r"\1...\1", " ".join(answer.text.split()))
    text = re.sub(r"\S+@\S+", "...", text)
    return (text[:length] + "..." if len(text) > length else text) or "nothing"
