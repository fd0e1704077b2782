"""Print a preview in a terminal."""

from __future__ import annotations

import json
from typing import Any

from airflow.cli.simple_table import AirflowConsole
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

#: Items of the first request that are shown, and characters of a sample value.
SHOWN_ITEMS = 3
SHOWN_CHARACTERS = 32


def print_preview(preview: dict[str, Any], console: Console | None = None) -> None:
    """
    Print a preview.

    :param preview: what :func:`airflow_provider_heap.cli.preview.build_preview` returned.
    :param console: where to; the terminal when not given.
    """
    console = console or AirflowConsole()
    console.print(Text(f"Preview of sync {preview['sync']}. Nothing is sent, nothing is recorded.", style="bold"))
    console.print()
    console.print(_head(preview))
    console.print()
    console.print(_mapping(preview["mapping"]) if preview["mapping"] else Text("The model returned no rows."))
    console.print()
    console.print(_counts(preview))
    console.print(Text(f"To send them takes {_time(preview)}."))
    if preview["first_request"]:
        console.print()
        _request(console, preview)
    for note in preview["notes"]:
        console.print(Text(f"! {printable(note)}", style="yellow"))
    if preview["problem"]:
        console.print(Text(f"The run would fail: {printable(preview['problem'])}", style="bold red"))
    if not preview["complete"]:
        console.print(
            Text(
                f"The model has more rows than the {preview['counts']['read']:,} that were read, and the counts are of "
                "these. --all reads it to its end, and checks the guards.",
                style="dim",
            )
        )


def printable(text: str) -> str:
    """
    Return a text without characters that control a terminal: a row may hold anything.

    :param text: any text; line breaks stay.
    """
    return "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode() for char in text
    )


def _head(preview: dict[str, Any]) -> Table:
    target = preview["target"]
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("Source", Text(preview["source"]))
    grid.add_row(
        "Model", Syntax(printable(preview["model"]).strip(), "sql", word_wrap=True, background_color="default")
    )
    where = f"{target['base_url']}, region {target['region']}, App ID {target['app_id']}"
    grid.add_row("Target", Text(f"{where}, connection {target['connection']!r}"))
    grid.add_row("Object", Text(f"{preview['object']}s"))
    grid.add_row("Behaviour", Text(preview["behaviour"]))
    grid.add_row("Sync key", Text(f"{preview['sync_key']['field']} ← {preview['sync_key']['column']}"))
    grid.add_row("State", Text(preview["state"] or "none: every row is sent in every run"))
    return grid


def _mapping(rows: list[dict[str, Any]]) -> Table:
    table = Table(header_style="bold")
    table.add_column("Heap property", overflow="ellipsis")
    table.add_column("← column", overflow="ellipsis")
    table.add_column("type", overflow="ellipsis")
    table.add_column("samples, as they are sent", overflow="ellipsis", no_wrap=True)
    for row in rows:
        samples = [printable(json.dumps(value, ensure_ascii=False)) for value in row["samples"]]
        short = [text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…" for text in samples]
        cells = (row["property"], row["column"], ", ".join(row["types"]), ", ".join(short))
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _counts(preview: dict[str, Any]) -> Table:
    counts = preview["counts"]
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right")
    grid.add_row("rows read", f"{counts['read']:,}")
    if counts["new"] is not None:
        grid.add_row("  new", f"{counts['new']:,}")
        grid.add_row("  changed", f"{counts['changed']:,}")
        grid.add_row("  unchanged", f"{counts['unchanged']:,}")
    else:
        grid.add_row("  would be sent", f"{counts['would_send']:,}")
    grid.add_row("  invalid", f"{counts['invalid']:,}")
    for reason, count in counts["reasons"].items():
        grid.add_row(f"    {reason}", f"{count:,}")
    if counts.get("duplicate_keys"):
        grid.add_row("keys more than once", f"{counts['duplicate_keys']:,}")
    grid.add_row("texts cut", f"{counts['truncated']:,}")
    grid.add_row("requests", f"{preview['requests']:,}")
    grid.add_row("bytes", f"{preview['bytes']:,}")
    return grid


def _time(preview: dict[str, Any]) -> str:
    limit, minutes = preview["items_a_minute"], preview["minutes"]
    if not limit:
        return "as long as Heap takes to answer; it documents no pace"
    return f"{'under 1 min' if minutes < 1 else f'{minutes:,.0f} min'} at {limit:,} {preview['object']}s a minute"


def _request(console: Console, preview: dict[str, Any]) -> None:
    body = json.loads(preview["first_request"])
    [array] = [name for name, value in body.items() if isinstance(value, list)]
    more, body[array] = len(body[array]) - SHOWN_ITEMS, body[array][:SHOWN_ITEMS]
    what = "The first request" if more <= 0 else f"The first request, without {more:,} further items"
    console.print(Text(what, style="bold"))
    text = printable(json.dumps(body, ensure_ascii=False, indent=2))
    console.print(Syntax(text, "json", word_wrap=True, background_color="default"))
