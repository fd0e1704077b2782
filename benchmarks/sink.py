"""
A stand-in for Heap that is faster than any client: it counts, and answers 200 to everything.

A bare asyncio protocol (on uvloop, when there is one), so that the clients set the pace and not the server.

    python -m benchmarks.sink [--latency-ms 50]

``GET /stats`` gives requests, rows (occurrences of the property ``rowmark``) and connections; ``POST /reset`` zeroes
them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

MARK = b'"rowmark"'
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Sink(asyncio.Protocol):
    """One connection; the counts belong to the class."""

    latency = 0.0
    requests = rows = connections = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        self.transport = transport
        self.received = bytearray()
        self.length = 0  # of the request that is being received; 0 while its header is not complete
        Sink.connections += 1

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self.received += data
        while True:
            if not self.length:
                end = self.received.find(b"\r\n\r\n")
                if end < 0:
                    return
                found = _LENGTH.search(self.received, 0, end)
                self.length = end + 4 + (int(found[1]) if found else 0)
            if len(self.received) < self.length:
                return
            request = bytes(self.received[: self.length])
            del self.received[: self.length]
            self.length = 0
            self.answer(request)

    def answer(self, request: bytes) -> None:
        """Count a request and answer it, late when that is wanted."""
        if request.startswith(b"GET /stats"):
            counts = {"requests": Sink.requests, "rows": Sink.rows, "connections": Sink.connections}
            self.reply(json.dumps(counts).encode())
        elif request.startswith(b"POST /reset"):
            Sink.requests = Sink.rows = Sink.connections = 0
            self.reply()
        else:
            Sink.requests += 1
            Sink.rows += request.count(MARK)
            if self.latency:
                asyncio.get_running_loop().call_later(self.latency, self.reply)
            else:
                self.reply()

    def reply(self, body: bytes = b"{}") -> None:
        """Answer 200."""
        if not self.transport.is_closing():
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
            self.transport.write(head + body)


async def serve() -> None:
    """Serve on a free port, and print its number."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def sink(latency_ms: float = 0) -> Iterator[str]:
    """
    Run a sink in a process of its own.

    :param latency_ms: milliseconds by which each reply is held back.
    :return: its URL.
    """
    command = [sys.executable, "-m", "benchmarks.sink", "--latency-ms", str(latency_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def stats(url: str) -> dict[str, int]:
    """
    Return what a sink has counted, and zero it.

    :param url: the sink's.
    """
    with urllib.request.urlopen(f"{url}/stats", timeout=10) as answer:
        found: dict[str, int] = json.load(answer)
    with urllib.request.urlopen(urllib.request.Request(f"{url}/reset", method="POST"), timeout=10) as answer:
        answer.read()
    return found


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency-ms", type=float, default=0)
    Sink.latency = parser.parse_args().latency_ms / 1000
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve())
    else:
        uvloop.run(serve())


if __name__ == "__main__":
    main()
