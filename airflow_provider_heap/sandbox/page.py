"""The sandbox's page for people: what arrived, and what it is told to do wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from airflow_provider_heap.sandbox.faults import Faults
from airflow_provider_heap.sandbox.store import HeapEnvironment, Request

#: Rows of each table: the last ones.
SHOWN = 50

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1d1b2e; }
h1 { margin-bottom: 0; } h2 { margin-top: 2rem; } .note { color: #6b6880; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; color: #6b6880; font-weight: 500; }
th, td { border-bottom: 1px solid #e6e3f2; padding: .3rem .6rem; vertical-align: top; overflow-wrap: anywhere; }
.bad { color: #b3261e; } code { background: #f3f1fb; padding: .1rem .3rem; border-radius: .2rem; }
"""


def page(url: str, environments: Mapping[str, HeapEnvironment], requests: Sequence[Request], faults: Faults) -> str:
    """
    Return the page.

    :param url: the sandbox's base URL.
    :param environments: what arrived, by App ID.
    :param requests: all requests.
    :param faults: what it is told to do wrong.
    """
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">',
        f"<title>Heap sandbox</title><style>{_STYLE}</style></head><body><h1>Heap sandbox</h1>",
        f'<p class="note">A local stand-in for Heap at <code>{escape(url)}</code>. It checks what Heap documents and '
        "guesses the rest (one bad item refuses its request; booleans, nulls and objects are refused).</p>",
        f"<p>{len(requests)} requests. {_faults(faults)}</p>",
    ]
    for app_id, held in environments.items():
        parts.append(
            f"<h2>App ID {escape(app_id)}</h2><p>{len(held.users)} users, {len(held.accounts)} accounts, "
            f"{len(held.events)} events; {held.duplicates} events with a known idempotency_key were ignored.</p>"
        )
        parts.append(_table("Users", ("identity", "properties"), _last(held.users.items())))
        parts.append(_table("Accounts", ("account_id", "properties"), _last(held.accounts.items())))
        names = ("event", "identity", "timestamp", "properties")
        events = [[event.get(name) or event.get("user_id") for name in names] for event in held.events[-SHOWN:]]
        parts.append(_table("Events", names, events))
    last = [(each.number, each.path, len(each.items), each.size, _status(each)) for each in requests[-SHOWN:]]
    parts.append(_table("Requests", ("number", "path", "items", "bytes", "answer"), last[::-1]))
    return "".join([*parts, "</body></html>"])


def _last(pairs: Iterable[tuple[str, object]]) -> list[tuple[str, object]]:
    return list(pairs)[-SHOWN:]


def _faults(faults: Faults) -> str:
    usual = Faults().as_dict()
    told = ", ".join(f"{name} {value}" for name, value in faults.as_dict().items() if value != usual[name])
    return f'<span class="bad">Told to do wrong: {escape(told)}.</span>' if told else "It is told to do nothing wrong."


def _status(request: Request) -> str:
    return f"{request.status or 'connection cut'} {request.text}"


def _table(title: str, names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    rows = list(rows)
    if not rows:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>" for row in rows)
    return f"<h3>{title}</h3><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return "<br>".join(f"{escape(str(name))}: {escape(str(inner)[:200])}" for name, inner in value.items())
    return escape("" if value is None else str(value)[:200])
