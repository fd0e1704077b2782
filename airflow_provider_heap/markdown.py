"""Markdown for pages of Airflow's UI: every text that is not ours is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

#: What Markdown, its tables and HTML give a meaning; a backslash takes it away.
_PUNCTUATION = re.compile(r"([\\`*_\[\]<>|~&#!$])")
#: Line breaks would end a cell of a table, control characters have no form.
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def escape(text: object) -> str:
    """
    Return a text that Markdown shows as it is, on one line.

    :param text: any text.
    """
    return _PUNCTUATION.sub(r"\\\1", _SPACES.sub(" ", str(text)).strip())


def code_block(text: str, language: str = "") -> str:
    """
    Return a block of code, with a fence that the code cannot close.

    :param text: the code.
    :param language: of the code, for colours.
    """
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return f"{fence}{language}\n{text.strip()}\n{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """
    Return a table; its cells must be Markdown already.

    :param head: titles of the columns; one that ends in ``:`` is aligned to the right.
    :param rows: cells.
    """
    rule = ["---:" if title.endswith(":") else "---" for title in head]
    lines = [[title.rstrip(":") for title in head], rule, *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def show_value(source: str | dict[str, str]) -> str:
    """
    Return what fills a property, as a cell.

    :param source: as in a report's ``sync``: a column's name, ``{"constant": ...}`` or ``{"template": ...}``.
    """
    if isinstance(source, str):
        return f"column **{escape(source)}**"
    [(kind, text)] = source.items()
    return f"{escape(kind)} {escape(text)}"


def mapping_table(entry: dict[str, Any], object_name: str) -> str:
    """
    Return which column fills what, as a table and what it leaves out.

    :param entry: has ``fields``, ``properties`` and ``properties_left_out``, as the entry ``sync`` of a report.
    :param object_name: what the rows become.
    """
    keys = ((f"**{escape(name)}**", show_value(source)) for name, source in entry["fields"])
    properties = ((escape(name), show_value(source)) for name, source in entry["properties"] or ())
    text = table((f"Heap {object_name}", "is filled from"), (*keys, *properties))
    if entry["properties"] is None:
        text += "\n\nEvery other column becomes a property of its own name."
    if left_out := entry["properties_left_out"]:
        text += f"\n\n… and {left_out:,} more properties."
    return text
