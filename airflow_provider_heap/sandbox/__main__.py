"""``python -m airflow_provider_heap.sandbox``: run a local Heap, or tell what a running one holds."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from typing import Any
from urllib.request import urlopen

from airflow_provider_heap.sandbox import GUESSES, Faults, Sandbox
from airflow_provider_heap.sandbox.store import Request

DEFAULT_PORT = 8047


def main(arguments: list[str] | None = None) -> int:
    """
    Run the command.

    :param arguments: the command line; the process's own when None.
    :return: the exit code.
    """
    options = vars(_parser().parse_args(arguments))
    summary, host, port = options.pop("summary"), options.pop("host"), options.pop("port")
    if summary:
        with urlopen(f"{summary.rstrip('/')}/sandbox", timeout=30) as answer:
            print(in_words(json.load(answer)))
        return 0
    try:
        faults = Faults(**options)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with Sandbox(host, port, faults, _tell) as sandbox:
        connection = json.dumps({"conn_type": "heap", "login": "2388822444", "host": sandbox.url})
        print(f"Heap sandbox at {sandbox.url}; the page there shows what arrived. Point Airflow at it with")
        print(f"  export AIRFLOW_CONN_HEAP_DEFAULT='{connection}'")
        print("It follows what Heap documents, and guesses:", *GUESSES, sep="\n  - ", flush=True)
        ended.wait()
    return 0


def in_words(summary: dict[str, Any]) -> str:
    """
    Tell what a sandbox holds.

    :param summary: what ``GET /sandbox`` answers.
    """
    lines = [f"{summary['requests']} requests reached the sandbox, {summary['refused']} of them were not taken."]
    for app_id, held in summary["environments"].items():
        lines.append(
            f"App ID {app_id} holds {len(held['users']):,} users, {len(held['accounts']):,} accounts and "
            f"{len(held['events']):,} events ({held['duplicates']:,} repeats of an event were ignored)."
        )
        for what, name in (("users", "user"), ("accounts", "account")):
            for key, properties in list(held[what].items())[:1]:
                lines.append(f"  For example {name} {key}: {_listed(properties)}")
        for event in held["events"][:1]:
            who = event.get("identity") or event.get("user_id")
            when = event.get("timestamp", "on arrival")
            lines.append(
                f"  For example event {event['event']!r} of {who}, {when}: {_listed(event.get('properties', {}))}"
            )
    return "\n".join(lines)


def _listed(properties: dict[str, Any]) -> str:
    shown = ", ".join(f"{name} = {str(value)[:40]}" for name, value in list(properties.items())[:6])
    return shown or "no properties"


def _tell(request: Request) -> None:
    answer = request.status or "connection cut"
    print(
        f"{request.number:>6}  {request.path:<28} {len(request.items):>5} items {request.size:>9,} bytes  {answer}",
        flush=True,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_heap.sandbox", description=__doc__)
    parser.add_argument("--summary", metavar="URL", help="tell what the sandbox at URL holds, and end")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="port to listen on (%(default)s); 0 for a free one"
    )
    faults = parser.add_argument_group("faults", "what to do wrong; POST /sandbox/faults changes it while it runs")
    faults.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    faults.add_argument("--status", type=int, help="answer failing requests with this status, such as 503")
    faults.add_argument(
        "--reset", choices=("before", "after"), help="cut failing connections before or after taking the items"
    )
    faults.add_argument("--every", type=int, default=1, help="every n-th request fails (%(default)s: all)")
    faults.add_argument("--times", type=int, help="at most so many failures")
    faults.add_argument("--seconds", type=float, help="failures only for so long")
    faults.add_argument("--retry-after", type=float, help="seconds of the Retry-After that failures carry")
    faults.add_argument(
        "--refuse", nargs="+", default=frozenset(), metavar="KEY", help="refuse requests that hold one of these keys"
    )
    faults.add_argument("--refuse-status", type=int, default=400, help="how those are answered (%(default)s)")
    faults.add_argument("--max-bytes", type=int, help="answer 413 to larger requests")
    faults.add_argument("--enforce-pace", action="store_true", help="answer 429 over Heap's limits a minute")
    return parser


if __name__ == "__main__":
    sys.exit(main())
