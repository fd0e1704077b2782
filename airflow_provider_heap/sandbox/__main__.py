"""``python -m airflow_provider_heap.sandbox``: run a local Heap, or print what a running one has received."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from typing import Any
from urllib.request import urlopen

from airflow_provider_heap.api.objects import KEPT_OBJECTS
from airflow_provider_heap.sandbox import GUESSES, Faults, Sandbox
from airflow_provider_heap.sandbox.deletions import API_KEY, Deletions
from airflow_provider_heap.sandbox.store import Request

DEFAULT_PORT = 8047
#: Properties that the summary shows of an example, and characters of each.
SHOWN_PROPERTIES, SHOWN_CHARACTERS = 6, 40


def main(arguments: list[str] | None = None) -> int:
    """
    Run the command.

    :param arguments: the command line; None for that of the process.
    :return: the exit code.
    """
    options = vars(_parser().parse_args(arguments))
    deletions = Deletions(options.pop("api_key"), options.pop("main_app_id"), pending=options.pop("deletion_seconds"))
    summary, host, port = options.pop("summary"), options.pop("host"), options.pop("port")
    if summary:
        with urlopen(f"{summary.rstrip('/')}/sandbox", timeout=30) as answer:
            print(describe(json.load(answer)))
        return 0
    try:
        faults = Faults(**options)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with Sandbox(host, port, faults, _print_request, deletions=deletions) as sandbox:
        connection = json.dumps(
            {"conn_type": "heap", "login": "2388822444", "host": sandbox.url, "password": deletions.api_key}
        )
        print(f"Heap sandbox at {sandbox.url}; its page shows what arrives. To send to it from Airflow:")
        print(f"  export AIRFLOW_CONN_HEAP_DEFAULT='{connection}'")
        print("It does what Heap documents. These are guesses:", *GUESSES, sep="\n  - ", flush=True)
        stopped.wait()
    return 0


def describe(summary: dict[str, Any]) -> str:
    """
    Return a text about what a sandbox has received.

    :param summary: what ``GET /sandbox`` answers.
    """
    lines = [
        f"{_counted(summary['requests'], 'request')} reached the sandbox, "
        f"{summary['refused']:,} of them {'was' if summary['refused'] == 1 else 'were'} not accepted."
    ]
    for app_id, environment in summary["environments"].items():
        kept = {each: environment[each.array_name] for each in KEPT_OBJECTS}
        numbers = [_counted(len(entries), heap_object.name) for heap_object, entries in kept.items()]
        repeated = _counted(environment["duplicates"], "repeated item")
        lines.append(f"App ID {app_id} has {', '.join(numbers)} ({repeated} ignored).")
        for heap_object, entries in kept.items():
            if isinstance(entries, dict):
                for key, properties in list(entries.items())[:1]:
                    lines.append(f"  For example {heap_object.name} {key}: {_listed(properties)}")
            for item in entries[:1] if isinstance(entries, list) else ():
                person = next((item[name] for name in heap_object.person_fields if name in item), "nobody")
                timestamp = item.get("timestamp", "on arrival")
                title = f"{heap_object.name} {item[heap_object.fields[0].name]!r}"
                lines.append(f"  For example {title} of {person}, {timestamp}: {_listed(item.get('properties', {}))}")
    if deletions := summary["deletions"]:
        users = _counted(sum(request["users"] for request in deletions), "user")
        lines.append(f"{_counted(len(deletions), 'request')} asked for the deletion of {users}.")
    return "\n".join(lines)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _listed(properties: dict[str, Any]) -> str:
    shown = list(properties.items())[:SHOWN_PROPERTIES]
    return ", ".join(f"{name} = {str(value)[:SHOWN_CHARACTERS]}" for name, value in shown) or "no properties"


def _print_request(request: Request) -> None:
    answer = request.status or "connection cut"
    print(
        f"{request.number:>6}  {request.path:<28} {len(request.items):>5} items {request.size:>9,} bytes  {answer}",
        flush=True,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_heap.sandbox", description=__doc__)
    parser.add_argument("--summary", metavar="URL", help="print what the sandbox at URL has received, and exit")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="port to listen on (%(default)s); 0 for a free one"
    )
    deletions = parser.add_argument_group("deletions", "the deletion of users, which needs an API key")
    deletions.add_argument("--api-key", default=API_KEY, help="the API key that is taken (%(default)s)")
    deletions.add_argument("--main-app-id", help="the App ID of the Main Production environment (default: any)")
    deletions.add_argument(
        "--deletion-seconds", type=float, default=5.0, help="seconds for which a deletion is pending (%(default)s)"
    )
    faults = parser.add_argument_group("faults", "how requests fail; POST /sandbox/faults changes it while it runs")
    faults.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    faults.add_argument("--status", type=int, help="answer failing requests with this status, such as 503")
    faults.add_argument(
        "--reset", choices=("before", "after"), help="cut failing connections before or after taking the items"
    )
    faults.add_argument("--every", type=int, default=1, help="every n-th request fails (%(default)s: all)")
    faults.add_argument("--times", type=int, help="at most so many failures")
    faults.add_argument("--seconds", type=float, help="failures only for so many seconds")
    faults.add_argument("--retry-after", type=float, help="seconds of the Retry-After header of failures")
    faults.add_argument(
        "--refuse", nargs="+", default=frozenset(), metavar="KEY", help="refuse requests that have one of these keys"
    )
    faults.add_argument("--refuse-status", type=int, default=400, help="the status of refused requests (%(default)s)")
    faults.add_argument("--max-bytes", type=int, help="answer 413 to larger requests")
    faults.add_argument("--enforce-pace", action="store_true", help="answer 429 over Heap's limits per minute")
    return parser


if __name__ == "__main__":
    sys.exit(main())
