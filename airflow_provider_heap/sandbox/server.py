"""The sandbox's HTTP server."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from airflow_provider_heap.api.objects import ACCOUNT, OBJECTS, HeapObject
from airflow_provider_heap.sandbox import view
from airflow_provider_heap.sandbox.checks import GUESSES, Refused, items_of
from airflow_provider_heap.sandbox.fault_injection import Faults
from airflow_provider_heap.sandbox.pace import Arrivals
from airflow_provider_heap.sandbox.store import HeapEnvironment, Request

_BY_PATH = {heap_object.endpoint: heap_object for heap_object in OBJECTS}

_PAGE = Path(__file__).parent / "page"
_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
    "/script.js": ("script.js", "text/javascript; charset=utf-8"),
}
#: The page loads nothing from elsewhere, and runs nothing that arrived.
_PAGE_HEADERS = {"Content-Security-Policy": "default-src 'self'; img-src data:", "Cache-Control": "no-store"}


class Sandbox:
    """
    A local Heap; a context manager that runs it on a thread.

    :param host: address to listen on.
    :param port: port to listen on; 0 for a free one.
    :param faults: what it does wrong; may be replaced while it runs.
    :param on_request: called with each request.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: Faults | None = None,
        on_request: Callable[[Request], None] | None = None,
    ) -> None:
        self.faults = faults or Faults()
        self._on_request = on_request
        self._lock = threading.Lock()
        # What turns the monotonic clock into the wall's.
        self._epoch = time.time() - time.monotonic()
        self._server = _Server((host, port), _Handler)
        self._server.sandbox = self
        self._thread: threading.Thread | None = None
        self.reset()

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL, to be the host of a Heap connection."""
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
            self._arrivals = Arrivals()
            self._changed = time.time_ns()

    def environment(self, app_id: str | None = None) -> HeapEnvironment:
        """
        Return what arrived for an App ID.

        :param app_id: the App ID; None for the first that was written to.
        """
        if app_id is None:
            app_id = next(iter(self._environments), "")
        return self._environments.get(app_id) or HeapEnvironment()

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
        Return everything that arrived, as JSON can hold it.

        :param app_id: for this App ID alone; None for all of them, and how many requests there were.
        """
        with self._lock:
            if app_id is not None:
                return self.environment(app_id).as_dict()
            return {
                "environments": {app_id: held.as_dict() for app_id, held in self._environments.items()},
                "requests": len(self.requests),
                "refused": sum(not request.taken for request in self.requests),
                "faults": self.faults.as_dict(),
            }

    def overview(self) -> dict[str, Any]:
        """Return how much arrived and what it does wrong, for the page; small, whatever arrived."""
        with self._lock:
            return {
                **view.counts(self._environments, self.requests),
                # As text: JavaScript has no integers of that size.
                "revision": str(self._changed),
                "faults": self.faults.as_dict(),
                "failed": self.faults.failed,
                "guesses": GUESSES,
            }

    def rows(self, kind: str, app_id: str = "", search: str = "", page: int = 0) -> dict[str, Any]:
        """
        Return one page of what arrived, the newest first, for the page.

        :param kind: ``users``, ``accounts``, ``events`` or ``requests``.
        :param app_id: whose; empty for the first that was written to. Requests are those of all.
        :param search: a text that rows must hold, in whatever case.
        :param page: which page, from 0 on.
        :raises KeyError: when there is no such kind.
        :raises ValueError: when the page is below 0.
        """
        if page < 0:
            raise ValueError(page)
        with self._lock:
            things = view.listed(kind, self.environment(app_id or None), self.requests)
        return view.page(kind, things, search, page, self._epoch)

    def answer(self, path: str, body: bytes) -> tuple[int, str, float | None]:
        """
        Take a request.

        :param path: where it was sent to.
        :param body: its bytes.
        :return: status, text, and seconds of Retry-After or None; status 0 cuts the connection.
        """
        arrived = time.monotonic()
        heap_object = _BY_PATH[path]
        app_id, items, problem = _decode(heap_object, body)
        with self._lock:
            status, text, retry_after, taken = self._judge(heap_object, app_id, items, problem, len(body), arrived)
            if taken:
                self._environments.setdefault(app_id, HeapEnvironment()).take(heap_object, items)
                if self.faults.enforce_pace:
                    self._arrivals.take(heap_object, app_id, items, arrived)
            request = Request(len(self.requests) + 1, arrived, path, app_id, items, len(body), status, text, taken)
            self.requests.append(request)
            self._changed = time.time_ns()
            latency = self.faults.latency
        if self._on_request:
            self._on_request(request)
        time.sleep(latency)
        return status, text, retry_after

    def _judge(
        self,
        heap_object: HeapObject,
        app_id: str,
        items: list[dict[str, Any]],
        problem: str | None,
        size: int,
        arrived: float,
    ) -> tuple[int, str, float | None, bool]:
        faults = self.faults
        if faults.strikes():
            status = 0 if faults.reset else faults.status or 503
            return status, "told to fail", faults.retry_after, faults.reset == "after" and problem is None
        if faults.max_bytes is not None and size > faults.max_bytes:
            return 413, "request too large", None, False
        if problem is not None:
            return 400, problem, None, False
        if any(faults.refuse.intersection(map(str, item.values())) for item in items if faults.refuse):
            return faults.refuse_status, "told to refuse a key of this request", None, False
        if faults.enforce_pace and self._arrivals.over(heap_object, app_id, items, arrived):
            return 429, "over the limit of a minute", 5.0, False
        return 200, "OK" if heap_object is ACCOUNT else "{}", None, True


def _decode(heap_object: HeapObject, body: bytes) -> tuple[str, list[dict[str, Any]], str | None]:
    """Decode a body; returns its App ID, its items, and what is wrong with it, if anything."""
    try:
        decoded = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        return "", [], f"postBody should be JSON: {error}"
    app_id = str(decoded.get("app_id", "")) if isinstance(decoded, dict) else ""
    try:
        return app_id, items_of(heap_object, decoded), None
    except Refused as refused:
        found = decoded.get(heap_object.array_name) if isinstance(decoded, dict) else None
        items = [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
        return app_id, items, str(refused)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    sandbox: Sandbox


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body of an answer leave together, and at once.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        url, sandbox = urlsplit(self.path), self.server.sandbox
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path in _FILES:
            name, kind = _FILES[url.path]
            self._answer(200, (_PAGE / name).read_text("utf-8"), kind, _PAGE_HEADERS)
        elif url.path == "/sandbox":
            self._answer_json(sandbox.summary(query.get("app_id")))
        elif url.path == "/sandbox/overview":
            self._answer_json(sandbox.overview())
        elif url.path == "/sandbox/rows":
            self._answer_rows(**query)
        else:
            self._answer(404, "not found", "text/plain")

    do_HEAD = do_GET

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, sandbox = urlsplit(self.path).path, self.server.sandbox
        if path in _BY_PATH:
            status, text, retry_after = sandbox.answer(path, body)
            if not status:
                return self._cut()
            headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
            return self._answer(status, text, "application/json" if text == "{}" else "text/plain", headers)
        if path == "/sandbox/reset":
            sandbox.reset()
            return self._answer(200, "{}", "application/json")
        if path == "/sandbox/faults":
            try:
                sandbox.faults = Faults.parse(msgspec.json.decode(body or b"{}"))
            except (ValueError, msgspec.DecodeError) as error:
                return self._answer(400, str(error), "text/plain")
            return self._answer_json(sandbox.faults.as_dict())
        return self._answer(404, "not found", "text/plain")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the command tells requests in its own way."""

    def _answer_rows(self, kind: str = "", app_id: str = "", search: str = "", page: str = "0", **_: str) -> None:
        try:
            found = self.server.sandbox.rows(kind, app_id, search, int(page))
        except (KeyError, ValueError):
            return self._answer(400, "kind is users, accounts, events or requests; page is 0 or more", "text/plain")
        return self._answer_json(found)

    def _answer_json(self, found: dict[str, Any]) -> None:
        self._answer(200, msgspec.json.encode(found).decode(), "application/json", {"Cache-Control": "no-store"})

    def _answer(self, status: int, text: str, kind: str, headers: dict[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _cut(self) -> None:
        """End the connection without an answer."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)
