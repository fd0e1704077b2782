"""
A stand-in for Looker's API 4.0 over HTTP: login, Looks, and running them.

Paths, parameters and answers as Looker documents them
(https://cloud.google.com/looker/docs/reference/looker-api/latest). What Looker really does with them was not seen.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

#: Of the explore ``users``: name, label, type.
FIELDS = [
    ("users.email", "Users Email", "string"),
    ("users.plan", "Users Plan", "string"),
    ("users.seats", "Seats", "sum"),
]


def query(**changed):
    """Return a Look's query as the API tells it."""
    return {
        "model": "shop",
        "view": "users",
        "fields": [name for name, _, _ in FIELDS],
        "pivots": None,
        "fill_fields": None,
        "filters": {"users.plan": "-free"},
        "limit": "-1",
        "total": None,
        "row_total": None,
        "subtotals": None,
        "dynamic_fields": None,
        "has_table_calculations": False,
        "query_timezone": "UTC",
        **changed,
    }


class LookerServer:
    """
    A context manager that runs it on a thread.

    :param rows: of every Look: tuples of email, plan and seats.
    """

    def __init__(self, rows=()):
        self.rows = list(rows)
        self.looks = {"42": {"id": "42", "title": "Active users", "deleted": False, "query": query()}}
        self.sql = 'SELECT email AS "users.email", plan AS "users.plan", seats AS "users.seats" FROM users\n{limit}'
        self.formats = {"json", "json_bi", "json_detail", "sql"}
        #: Status to answer with, by a part of the path.
        self.faults = {}
        self.error = None
        self.requests = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.looker = self

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc):
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self):
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, method, path, asked, token):
        """Return status, content type and body."""
        self.requests.append((method, path, asked))
        for part, status in self.faults.items():
            if part in path:
                return _error(status)
        match method, path.strip("/").split("/")[1:]:
            case "POST", ["4.0", "login"]:
                if (asked.get("client_id"), asked.get("client_secret")) != ("id", "s3cret"):
                    return _error(404)
                return _json({"access_token": "token", "token_type": "Bearer", "expires_in": 3600})
            case _ if token != "Bearer token":
                return _error(401)
            case "DELETE", ["logout"]:
                return 204, "text/plain", b""
            case "GET", ["4.0", "looks", look] if look in self.looks:
                return _json(self.looks[look])
            case "GET", ["4.0", "looks", look, "run", kind] if look in self.looks:
                return self._run(self.looks[look]["query"], kind, asked) if kind in self.formats else _error(422)
        return _error(404)

    def _run(self, found, kind, asked):
        limit = int(asked.get("limit") or found["limit"] or 500)
        if kind == "sql":
            limited = self.sql.format(limit="" if limit == -1 else f"LIMIT {limit}")
            return 200, "application/sql", limited.encode()
        rows = self.rows if limit == -1 else self.rows[:limit]
        if kind == "json":
            return _json([{name: value for (name, _, _), value in zip(FIELDS, row, strict=True)} for row in rows])
        cells = [
            {
                name: {"value": value, "rendered": f"<b>{value}</b>", "links": []}
                for (name, _, _), value in zip(FIELDS, row, strict=True)
            }
            for row in rows
        ]
        fields = {
            "dimensions": [_field(*field) for field in FIELDS[:2]],
            "measures": [_field(*field) for field in FIELDS[2:]],
            "pivots": [],
            "table_calculations": [],
        }
        if asked.get("server_table_calcs") == "true":
            fields["table_calculations"].append({"name": "double", "label": "Double Seats"})
            for cell, row in zip(cells, rows, strict=True):
                cell["double"] = {"value": row[2] * 2}
        told = {"errors": [{"message": self.error, "message_details": "line 1"}]} if self.error else {}
        if kind == "json_bi":
            return _json({"metadata": {"fields": fields, "pivots": [], "has_totals": False}, "rows": cells, **told})
        return _json({"fields": fields, "columns_truncated": "no", "data": cells, **told})


def _field(name, label, kind):
    return {"name": name, "label": label, "type": kind, "view": "users", "hidden": False}


def _json(content):
    return 200, "application/json; charset=utf-8", json.dumps(content).encode()


def _error(status):
    names = {401: "Requires authentication.", 403: "Forbidden", 404: "Not found", 422: "Validation Failed"}
    message = names.get(status, "An error has occurred.")
    about = f"https://cloud.google.com/looker/docs/r/err/4.0/{status}/get/looks/:look_id"
    return status, "application/json", json.dumps({"message": message, "documentation_url": about}).encode()


class _Handler(BaseHTTPRequestHandler):
    def _answer(self):
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        asked = {name: values[0] for name, values in parse_qs(f"{url.query}&{body}").items()}
        status, kind, content = self.server.looker.answer(
            self.command, url.path, asked, self.headers.get("Authorization")
        )
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if self.server.looker.error == "cut" else content)

    do_GET = do_POST = do_DELETE = _answer

    def log_message(self, format, *args):
        """Say nothing."""
