"""What the tests of delivery share: items, a ledger with its report, a state that remembers its calls, a sender."""

from __future__ import annotations

from airflow_provider_heap.api.client import HeapClient
from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import USER
from airflow_provider_heap.api.rate_limiter import RateLimiter
from airflow_provider_heap.api.response import Response
from airflow_provider_heap.sync.delivery.batch_queue import BatchQueue
from airflow_provider_heap.sync.delivery.ledger import OutcomeLedger
from airflow_provider_heap.sync.delivery.sender import BatchSender
from airflow_provider_heap.sync.items import ItemBatch, JsonLines
from airflow_provider_heap.sync.plan import CountOrShare
from airflow_provider_heap.sync.rejects.writer import RejectsWriter
from airflow_provider_heap.sync.report import Report
from airflow_provider_heap.sync.stop_signal import StopSignal
from tests.unit.sync.delivery.test_batch_queue import Messages


def users(*keys, first=1):
    """
    Return a batch of users.

    :param keys: their identities.
    :param first: number of the first one's row.
    """
    bodies = JsonLines.of(b'{"identity":"%b","properties":{}}' % key.encode() for key in keys)
    return ItemBatch(list(range(first, first + len(keys))), list(keys), list(keys), bodies, [])


def numbered(count, prefix="u"):
    """Return the identities ``u0``, ``u1`` and so on."""
    return [f"{prefix}{number}" for number in range(count)]


class Ledger(OutcomeLedger):
    """A ledger whose report and rejects can be looked at."""

    def __init__(self, max_rejected=0, rejects_path=None, **counters):
        self.report = Report(**counters)
        self.rejects = RejectsWriter(rejects_path, "people", "user")
        super().__init__(self.report, self.rejects, CountOrShare(max_rejected))


class Recorder:
    """
    A state that remembers in which order it was used.

    :param errors: raised by the method of that name; a list raises its entries one after the other, None for no error.
    """

    def __init__(self, **errors):
        self.calls = []
        self.errors = errors

    def strike_out(self, items):
        self._call("strike_out", items.keys)

    def assert_held(self):
        self._call("assert_held")

    def reject(self, items):
        """Take note of nothing."""

    def record(self, items, request_id=None):
        self._call("record", items.keys)

    def _call(self, name, *arguments):
        self.calls.append((name, *arguments))
        error = self.errors.get(name)
        error = error.pop(0) if isinstance(error, list) else error
        if error is not None:
            raise error


class Delivery:
    """A sender and what it works with: no wait between tries, and batches that wait in the queue."""

    def __init__(self, client, ledger=None, waiting=()):
        self.ledger = ledger or Ledger()
        self.report = self.ledger.report
        self.rate_limiter = RateLimiter()
        self.queue = BatchQueue(100, StopSignal(), Messages())
        self.sender = BatchSender(client, USER, self.rate_limiter, self.ledger, self.queue)
        for batch in waiting:
            self.queue.put(batch)

    def deliver(self, batch):
        """Take a batch through the queue and deliver it, as a thread of a dispatcher does."""
        self.queue._waiting.appendleft(batch)
        taken = self.queue.take()
        assert taken is batch
        try:
            self.sender.deliver(batch)
        finally:
            self.queue.done(batch)


class ScriptedClient(HeapClient):
    """
    A client whose answers are written down.

    :param statuses: of the requests, one after the other; the last one for all further ones.
    :param text: of all answers that are not 2xx.
    """

    def __init__(self, *statuses, text="no"):
        super().__init__(Environment("2388822444", "http://heap.test"))
        self.statuses = list(statuses)
        self.text = text
        self.asked = []

    def send(self, heap_object, items, *, count=1, tries=None, **kwargs):
        """Answer as the script has it."""
        self.asked.append((count, tries))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return Response(status, "" if status == 200 else self.text)
