"""
ClickHouse's HTTP interface before its engine in this process, as far as its Python client asks for it.

``python clickhouse_server.py PORT`` needs chdb-core. The engine is ClickHouse's own, so types and formats are real.
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from urllib.parse import parse_qs, urlsplit

from chdb import session

SESSION = session.Session()
LOCK = Lock()


class Handler(BaseHTTPRequestHandler):
    """Runs what a request asks for."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Answer with the result, or with the engine's error."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        parameters = {name[6:]: value for name, value in query.items() if name.startswith("param_")}
        sql = f"{query.get('query', '')}\n{body}".strip()
        with LOCK:
            try:
                SESSION.query(f"use {query.get('database') or 'default'}")
                status, answer = 200, SESSION.query(sql, "TabSeparated", params=parameters).bytes()
            except Exception as error:
                status, answer = 500, str(error).encode()
                SESSION.query("select 1")  # else the next query gets what was left of this one
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST

    def log_message(self, *args):
        """Log nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
