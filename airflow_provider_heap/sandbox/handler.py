"""The sandbox's HTTP server: Heap's endpoints, the page, and what the page asks for."""

from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from airflow_provider_heap.api.objects import STATUS_ENDPOINT, TOKEN_ENDPOINT
from airflow_provider_heap.sandbox.fault_injection import Faults
from airflow_provider_heap.sandbox.view import DELETIONS, REQUESTS, request_details

if TYPE_CHECKING:
    from airflow_provider_heap.sandbox.server import Answer, Sandbox

_PAGE = Path(__file__).parent / "page"
_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
    "/script.js": ("script.js", "text/javascript; charset=utf-8"),
}
#: The page loads nothing from other hosts, and runs nothing that arrived.
_PAGE_HEADERS = {"Content-Security-Policy": "default-src 'self'; img-src data:", "Cache-Control": "no-store"}


class SandboxServer(ThreadingHTTPServer):
    """
    Hands requests to a sandbox, each on a thread.

    :param address: host and port to listen on.
    :param sandbox: answers the requests.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], sandbox: Sandbox) -> None:
        super().__init__(address, _Handler)
        self.sandbox = sandbox


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Header and body of an answer are sent together, and at once.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: SandboxServer

    def do_GET(self) -> None:
        url, sandbox = urlsplit(self.path), self.server.sandbox
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path in _FILES:
            name, content_type = _FILES[url.path]
            self._answer(200, (_PAGE / name).read_text("utf-8"), content_type, _PAGE_HEADERS)
        elif url.path.startswith(f"{STATUS_ENDPOINT}/"):
            self._send(sandbox.answer_call(url.path, self._authorization))
        elif url.path == "/sandbox":
            self._answer_json(sandbox.summary(query.get("app_id")))
        elif url.path == "/sandbox/overview":
            self._answer_json(sandbox.overview())
        elif url.path == "/sandbox/rows":
            self._answer_rows(**query)
        elif url.path == "/sandbox/request":
            self._answer_request(**query)
        else:
            self._answer_not_found(url.path)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, sandbox = urlsplit(self.path).path, self.server.sandbox
        if path in sandbox.objects:
            return self._send(sandbox.answer(path, body, self._authorization))
        if path == TOKEN_ENDPOINT:
            return self._send(sandbox.answer_call(path, self._authorization))
        if path == "/sandbox/reset":
            sandbox.reset()
            return self._answer(200, "{}", "application/json")
        if path == "/sandbox/faults":
            try:
                sandbox.faults = Faults.parse(msgspec.json.decode(body or b"{}"))
            except (ValueError, msgspec.DecodeError) as error:
                return self._answer(400, str(error), "text/plain")
            return self._answer_json(sandbox.faults.as_dict())
        return self._answer_not_found(path)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the command prints requests in its own way."""

    @property
    def _authorization(self) -> str:
        return self.headers.get("Authorization") or ""

    def _send(self, answer: Answer) -> None:
        """Answer as the sandbox decided."""
        if not answer.status:
            return self._cut()
        headers = {} if answer.retry_after is None else {"Retry-After": f"{answer.retry_after:g}"}
        content_type = "application/json" if answer.text.startswith("{") else "text/plain"
        return self._answer(answer.status, answer.text, content_type, headers)

    def _answer_request(self, number: str = "", **_: str) -> None:
        sandbox = self.server.sandbox
        # A list that only grows, until it is replaced.
        if not number.isdecimal() or not 1 <= int(number) <= len(requests := sandbox.requests):
            return self._answer(400, "number must be that of a request, from 1", "text/plain")
        request = requests[int(number) - 1]
        return self._answer_json(request_details(request, sandbox.objects[request.path].array_name))

    def _answer_rows(
        self, kind: str = "", app_id: str = "", search: str = "", page: str = "0", key: str = "", **_: str
    ) -> None:
        sandbox = self.server.sandbox
        try:
            rows = sandbox.rows(kind, app_id, search, int(page), key)
        except (KeyError, ValueError):
            kinds = ", ".join(each.array_name for each in sandbox.objects.values() if not each.deletes)
            return self._answer(
                400, f"kind must be {kinds}, {DELETIONS} or {REQUESTS}, and page 0 or more", "text/plain"
            )
        return self._answer_json(rows)

    def _answer_not_found(self, path: str) -> None:
        known = ", ".join(self.server.sandbox.objects)
        self._answer(404, f"the sandbox does not know {path}; of Heap's endpoints it knows {known}", "text/plain")

    def _answer_json(self, value: dict[str, Any]) -> None:
        self._answer(200, msgspec.json.encode(value).decode(), "application/json", {"Cache-Control": "no-store"})

    def _answer(self, status: int, text: str, content_type: str, headers: dict[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
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
