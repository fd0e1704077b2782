"""Print a preview in a terminal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from airflow.cli.simple_table import AirflowConsole
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

#: Items of the first request that are shown, and characters of a sample value.
SHOWN_ITEMS = 3
SHOWN_CHARACTERS = 32
#: Columns of the terminal that the frame of the mapping's table takes, and the fewest that its samples must have.
TABLE_FRAME = 13
MIN_SAMPLES = 16


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
    console.print(
        _mapping(preview["mapping"], console.width) if preview["mapping"] else Text("The model returned no rows.")
    )
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


def print_row(row: dict[str, Any], console: Console | None = None) -> None:
    """
    Print one row, from the database to the item.

    :param row: what :mod:`airflow_provider_heap.cli.one_row` found.
    :param console: where to; the terminal when not given.
    """
    console = console or AirflowConsole()
    console.print(Text(f"Row {row['row']:,} of the model of sync {row['sync']}", style="bold"))
    console.print()
    state = {
        "none": "none: every row is sent in every run",
        "new": "new: the key is not recorded, so the next run sends it",
        "changed": "changed: the next run sends it",
        "unchanged": "unchanged: the next run does not send it",
        "in the database": "compared in the database: a run finds out whether it changed",
    }
    lines = {"Object": f"{row['object']}s", "Target": row["target"], "Key": row["key"]}
    if row["state"]:
        sent = f" (sent {format_time(row['sent_at'])})" if row["sent_at"] is not None else ""
        lines["State"] = f"{state[row['state']]}{sent}"
    print_list(lines, console)
    console.print()
    console.print(_mapping(row["mapping"], console.width, "value as sent"))
    console.print()
    if row["invalid"]:
        invalid = row["invalid"]
        column = f" (column {invalid['column']!r})" if invalid["column"] else ""
        detail = f": {invalid['detail']}" if invalid["detail"] else ""
        console.print(Text(printable(f"The row is invalid: {invalid['reason']}{column}{detail}"), style="bold red"))
    else:
        console.print(Text("The item", style="bold"))
        text = printable(json.dumps(row["item"], ensure_ascii=False, indent=2))
        console.print(Syntax(text, "json", word_wrap=True, background_color="default"))


def format_time(seconds: int | None) -> str:
    """
    Return a time for people to read.

    :param seconds: since 1970; None for a time that never was.
    """
    return "never" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def print_list(values: dict[str, str], console: Console | None = None) -> None:
    """
    Print names and values below each other.

    :param values: by name.
    :param console: where to; the terminal when not given.
    """
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in values.items():
        grid.add_row(name, Text(printable(value)))
    (console or AirflowConsole()).print(grid)


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


def _mapping(rows: list[dict[str, Any]], width: int, samples: str = "samples as sent") -> RenderableType:
    """Return the mapping as a table, or as a list where the table's names would leave too little for the samples."""
    head = ("Heap property", "← column", "type", samples)
    cells = [(row["property"], row["column"], ", ".join(row["types"]), _samples(row)) for row in rows]
    texts = [tuple(map(printable, row)) for row in cells]
    *names, longest = (max(map(cell_len, column)) for column in zip(head, *texts, strict=True))
    left = width - sum(names) - TABLE_FRAME
    if left < MIN_SAMPLES:
        return Group(*(_as_paragraph(row, width) for row in texts))
    table = Table(header_style="bold")
    for name in head[:3]:
        table.add_column(name, no_wrap=True)
    table.add_column(head[3], no_wrap=True, overflow="ellipsis", width=min(longest, left))
    for row in texts:
        table.add_row(*map(Text, row))
    return table


def _as_paragraph(row: tuple[str, ...], width: int) -> RenderableType:
    """Return a property for a narrow terminal: its name and what fills it, then its type and samples in one line."""
    name, column, types, samples = row
    gap = " " if cell_len(f"{name} ← {column}") <= width else "\n    "
    title = Text.assemble((name, "bold"), f"{gap}← {column}", overflow="fold")
    colon = ": " if types and samples else ""
    detail = Text.assemble((types, "cyan"), f"{colon}{samples}", overflow="ellipsis", no_wrap=True)
    return Group(title, Padding(detail, (0, 0, 0, 4))) if detail else title


def _samples(row: dict[str, Any]) -> str:
    texts = [json.dumps(value, ensure_ascii=False) for value in row["samples"]]
    return ", ".join(text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…" for text in texts)


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
    grid.add_row("texts truncated", f"{counts['truncated']:,}")
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
