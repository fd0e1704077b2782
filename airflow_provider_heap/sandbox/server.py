"""The sandbox: what arrived, and how it answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from airflow_provider_heap.api.objects import OBJECTS, HeapObject
from airflow_provider_heap.sandbox import view
from airflow_provider_heap.sandbox.checks import GUESSES, RefusedError, checked_items
from airflow_provider_heap.sandbox.deletions import Deletions
from airflow_provider_heap.sandbox.fault_injection import Faults
from airflow_provider_heap.sandbox.handler import SandboxServer
from airflow_provider_heap.sandbox.rate_limits import RecentItems
from airflow_provider_heap.sandbox.store import HeapEnvironment, Request

#: Seconds of the Retry-After with which too many items are answered.
RETRY_AFTER = 5.0


@dataclass(frozen=True)
class Answer:
    """
    How a request is answered.

    :param status: HTTP status; 0 cuts the connection.
    :param text: the body.
    :param taken: whether the items of the request are kept.
    :param retry_after: seconds of the ``Retry-After`` header; None for no header.
    """

    status: int
    text: str
    taken: bool = False
    retry_after: float | None = None


@dataclass(frozen=True)
class _Decoded:
    """A request's App ID and items, as far as it has them, and what is wrong with it, if anything."""

    app_id: str
    items: list[dict[str, Any]]
    problem: str | None = None


class Sandbox:
    """
    A local Heap; a context manager that runs it on a thread.

    Thread-safe: ``_lock`` guards what arrived, and the faults while a request is answered.

    :param host: address to listen on.
    :param port: port to listen on; 0 for a free one.
    :param faults: how requests fail; may be replaced while it runs.
    :param on_request: called with each request.
    :param objects: the Heap objects that it knows.
    :param deletions: its deletion API, with the API key that it takes.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: Faults | None = None,
        on_request: Callable[[Request], None] | None = None,
        objects: Sequence[HeapObject] = OBJECTS,
        deletions: Deletions | None = None,
    ) -> None:
        self.faults = faults or Faults()
        self.deletions = deletions or Deletions()
        self.objects = {heap_object.endpoint: heap_object for heap_object in objects}
        self._on_request = on_request
        self._lock = threading.Lock()
        # Converts the monotonic clock to the wall clock.
        self._epoch = time.time() - time.monotonic()
        self._server = SandboxServer((host, port), self)
        self._thread: threading.Thread | None = None
        self.reset()

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL, to be used as the host of a Heap connection."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def start(self) -> None:
        """Serve on a thread."""
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the server and its thread."""
        self._server.shutdown()
        self._server.server_close()
        if self._thread:
            self._thread.join()

    def reset(self) -> None:
        """Forget everything that arrived."""
        with self._lock:
            self.requests: list[Request] = []
            self._environments: dict[str, HeapEnvironment] = {}
            self._recent = RecentItems()
            self.deletions.requests = {}
            self._changed = time.time_ns()

    def environment(self, app_id: str | None = None) -> HeapEnvironment:
        """
        Return what arrived for an App ID.

        :param app_id: the App ID; None for the first that was written to.
        """
        if app_id is None:
            app_id = next(iter(self._environments), "")
        return self._environments.get(app_id) or HeapEnvironment([*self.objects.values()])

    @property
    def accounts(self) -> dict[str, dict[str, Any]]:
        """Properties by Account ID, of the first App ID."""
        return self.environment().accounts

    @property
    def users(self) -> dict[str, dict[str, Any]]:
        """Properties by Identity, of the first App ID."""
        return self.environment().users

    @property
    def events(self) -> list[dict[str, Any]]:
        """Events in the order of their arrival, of the first App ID."""
        return self.environment().events

    def summary(self, app_id: str | None = None) -> dict[str, Any]:
        """
        Return everything that arrived, in a form that JSON has.

        :param app_id: only what arrived for this App ID; None for all of them, the number of requests and the faults.
        """
        with self._lock:
            if app_id is not None:
                return self.environment(app_id).as_dict()
            return {
                "environments": {name: environment.as_dict() for name, environment in self._environments.items()},
                "requests": len(self.requests),
                "refused": sum(not request.taken for request in self.requests),
                "deletions": self.deletions.as_rows(self._epoch)[::-1],
                "faults": self.faults.as_dict(),
            }

    def overview(self) -> dict[str, Any]:
        """Return how much arrived and which faults are set, for the page; small, however much arrived."""
        objects = [heap_object for heap_object in self.objects.values() if not heap_object.deletes]
        with self._lock:
            return {
                **view.counts(objects, self._environments, self.requests),
                "objects": view.describe_objects(objects),
                # A deletion becomes complete without a request.
                "revision": f"{self._changed}, {self.deletions.count_pending} pending",
                "faults": self.faults.as_dict(),
                "left": self.faults.left(),
                "failed": self.faults.failed,
                "deletions": len(self.deletions.requests),
                "guesses": GUESSES,
            }

    def rows(self, kind: str, app_id: str = "", search: str = "", page: int = 0, key: str = "") -> dict[str, Any]:
        """
        Return one page of what arrived, the newest first, for the page.

        :param kind: the array name of an object, such as ``users``, or ``requests`` or ``deletions``.
        :param app_id: the environment; empty for the first that was written to. The other kinds are those of all.
        :param search: a text that rows must contain, in any case.
        :param page: which page, from 0.
        :param key: only requests that have an item of this user, account or event.
        :raises KeyError: when there is no such kind.
        :raises ValueError: when the page is below 0.
        """
        if page < 0:
            raise ValueError(page)
        with self._lock:
            environment, deletions = self.environment(app_id or None), self.deletions.as_rows(self._epoch)
            entries = view.snapshot(kind, environment, self.requests, deletions)
        if key and kind == view.REQUESTS:
            entries = view.requests_of(key, entries)
        return view.page(entries, search, page, self._epoch)

    def answer_call(self, path: str, authorization: str) -> Answer:
        """
        Answer a call of the deletion API that deletes nobody: for a token, or for a status.

        :param path: its path.
        :param authorization: its header.
        """
        with self._lock:
            return _failure(self.faults) or Answer(*self.deletions.answer(path, authorization))

    def answer(self, path: str, body: bytes, authorization: str = "") -> Answer:
        """
        Answer a request, after the seconds of latency that the faults set.

        :param path: the endpoint of one of the objects.
        :param body: the bytes of the request.
        :param authorization: its header, for an object that wants one.
        """
        arrived = time.monotonic()
        heap_object = self.objects[path]
        decoded = _decode(heap_object, body)
        with self._lock:
            if heap_object.deletes:
                decoded = replace(decoded, app_id=self.deletions.app_id_of(authorization) or "")
            answer = _decide(self.faults, self._recent, heap_object, decoded, len(body), arrived)
            if answer.taken and heap_object.deletes:
                answer = replace(answer, text=self.deletions.add(decoded.app_id, len(decoded.items)))
                # As Heap does, in all environments of the account: all that there are.
                for environment in self._environments.values():
                    environment.remove(decoded.items)
            elif answer.taken:
                environment = self._environments.setdefault(decoded.app_id, self.environment(decoded.app_id))
                environment.add(heap_object, decoded.items)
                if self.faults.enforce_pace:
                    self._recent.add(heap_object, decoded.app_id, decoded.items, arrived)
            request = Request(
                number=len(self.requests) + 1,
                at=arrived,
                path=path,
                app_id=decoded.app_id,
                items=decoded.items,
                size=len(body),
                status=answer.status,
                text=answer.text,
                taken=answer.taken,
            )
            self.requests.append(request)
            self._changed = time.time_ns()
            latency = self.faults.latency
        if self._on_request:
            self._on_request(request)
        time.sleep(latency)
        return answer


def _decide(
    faults: Faults, recent: RecentItems, heap_object: HeapObject, decoded: _Decoded, size: int, arrived: float
) -> Answer:
    """Return the answer to a request that brings items."""
    unauthorized = heap_object.deletes and not decoded.app_id
    if failure := _failure(faults):
        return replace(failure, taken=faults.reset == "after" and decoded.problem is None and not unauthorized)
    if unauthorized:
        return Answer(*Deletions.unauthorized)
    if faults.max_bytes is not None and size > faults.max_bytes:
        return Answer(413, "request too large")
    if decoded.problem is not None:
        return Answer(400, decoded.problem)
    if faults.refuse and any(faults.refuse.intersection(map(str, item.values())) for item in decoded.items):
        return Answer(faults.refuse_status, "told to refuse a key of this request")
    if faults.enforce_pace and recent.exceeds_limit(heap_object, decoded.app_id, decoded.items, arrived):
        return Answer(429, "over Heap's limit per minute", retry_after=RETRY_AFTER)
    return Answer(201 if heap_object.deletes else 200, heap_object.reply, taken=True)


def _failure(faults: Faults) -> Answer | None:
    """Count a request, and return its answer when it is to fail."""
    if not faults.count_and_fail():
        return None
    return Answer(0 if faults.reset else faults.status or 503, "told to fail", retry_after=faults.retry_after)


def _decode(heap_object: HeapObject, body: bytes) -> _Decoded:
    """Decode and check a body."""
    try:
        decoded = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        return _Decoded("", [], f"postBody should be JSON: {error}")
    app_id = str(decoded.get("app_id", "")) if isinstance(decoded, dict) else ""
    try:
        return _Decoded(app_id, checked_items(heap_object, decoded))
    except RefusedError as refused:
        array = decoded.get(heap_object.array_name) if isinstance(decoded, dict) else None
        items = [item for item in array if isinstance(item, dict)] if isinstance(array, list) else []
        return _Decoded(app_id, items, str(refused))
