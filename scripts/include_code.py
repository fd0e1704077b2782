"""
Copies tested code into the pages that show it, so that a page is complete wherever it is read.

A block of code that comes from a file stands below a comment that names it:

    <!-- code from dags/heap_alerts.py, from "def log_failure(" up to "with DAG(" -->

Run it after a change of such a file; a test fails when a block differs from its file.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(
    r"(?P<head><!-- code from (?P<file>\S+?)"
    r"(?:, (?P<start_kind>from|after) \"(?P<start>[^\"]+)\")?(?:, (?P<end_kind>up to|through) \"(?P<end>[^\"]+)\")?"
    r" -->\n+```[\w+]*\n)(?P<code>.*?)(?P<tail>^```$)",
    flags=re.DOTALL | re.MULTILINE,
)


def pages() -> Iterator[Path]:
    """Yield the pages that may have blocks."""
    yield ROOT / "README.md"
    yield from sorted((ROOT / "docs").glob("*.md"))


def code_of(block: re.Match[str]) -> str:
    """
    Return what a block must have: a file, or its part between two lines, without their common indentation.

    :param block: a match of ``BLOCK``. It names lines by how they begin: ``from`` and ``through`` have that line,
        ``after`` and ``up to`` leave it out.
    :raises ValueError: when the file has no such line.
    """
    lines = (ROOT / block["file"]).read_text("utf-8").splitlines(keepends=True)
    if block["start"]:
        lines = lines[_index(lines, block["start"]) + (block["start_kind"] == "after") :]
    if block["end"]:
        lines = lines[: _index(lines[1:], block["end"]) + 1 + (block["end_kind"] == "through")]
    return textwrap.dedent("".join(lines)).strip("\n") + "\n"


def filled(text: str) -> str:
    """
    Return a page with the code of its files.

    :param text: the page.
    """
    return BLOCK.sub(lambda block: block["head"] + code_of(block) + block["tail"], text)


def _index(lines: list[str], text: str) -> int:
    for index, line in enumerate(lines):
        if line.strip().startswith(text):
            return index
    raise ValueError(f"no line begins with {text!r}")


if __name__ == "__main__":
    for page in pages():
        page.write_text(filled(page.read_text("utf-8")), "utf-8")
