"""
Draws docs/pictures/preview.svg: the preview of the tutorial's sync, as a terminal shows it.

Run it after a change of what a preview prints (`make docs` does); a test fails when the picture is not up to date.
"""

from __future__ import annotations

import io
import os
import re
import runpy
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "pictures" / "preview.svg"
#: Columns of a common terminal.
WIDTH = 80


def preview(database: Path) -> dict[str, Any]:
    """
    Return the preview of the tutorial's sync. Heap's own address is shown, and nothing is sent there.

    :param database: a file of SQLite to make, with the tutorial's table.
    """
    from airflow_provider_heap.cli.preview import build_preview
    from airflow_provider_heap.cli.tasks import render

    with closing(sqlite3.connect(database)) as connection:
        connection.executescript((ROOT / "dags" / "sql" / "first_sync.sql").read_text("utf-8"))
    os.environ["AIRFLOW_CONN_WAREHOUSE"] = f'{{"conn_type": "sqlite", "host": "{database}"}}'
    os.environ["AIRFLOW_CONN_HEAP_DEFAULT"] = "heap://2388822444@/us"
    dag = runpy.run_path(str(ROOT / "dags" / "heap_first_sync.py"))["dag"]
    return build_preview(*render(dag, "people"), 100)


def draw(shown: dict[str, Any]) -> str:
    """
    Return the picture of a preview.

    :param shown: the preview.
    """
    from rich._export_format import CONSOLE_SVG_FORMAT
    from rich.console import Console
    from rich.terminal_theme import MONOKAI

    from airflow_provider_heap.cli.preview_table import print_preview

    # The reader's own monospace font: rich would have every reader fetch one from elsewhere.
    template = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace("Fira Code, ", "")
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    print_preview(shown, console)
    svg = console.export_svg(title="airflow heap preview heap_first_sync people", theme=MONOKAI, code_format=template)
    assert "@font-face" not in svg
    assert not re.search(r"url\((?!#)", svg)
    return svg


def texts(svg: str) -> list[str]:
    """
    Return the texts of a picture, without what each version of rich does in its own way.

    :param svg: the picture.
    """
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AIRFLOW_HOME"] = folder
        svg = draw(preview(Path(folder) / "warehouse.db"))
    if not PICTURE.exists() or texts(svg) != texts(PICTURE.read_text("utf-8")):
        PICTURE.write_text(svg, "utf-8")
