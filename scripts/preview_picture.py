"""Makes docs/pictures/preview.svg: a preview of the sync of a DAG, as a terminal shows it."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI

from airflow_provider_heap.cli.preview import look
from airflow_provider_heap.cli.preview_table import show
from airflow_provider_heap.cli.tasks import find_dag, render

# The reader's own monospace font: rich would have every reader fetch one from elsewhere.
TEMPLATE = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace("Fira Code, ", "")

console = Console(record=True, width=118, file=io.StringIO(), force_terminal=True)
show(look(*render(find_dag(sys.argv[1]), sys.argv[2]), 100), console)
svg = console.export_svg(title=f"airflow heap preview {' '.join(sys.argv[1:3])}", theme=MONOKAI, code_format=TEMPLATE)
assert "@font-face" not in svg
assert not re.search(r"url\((?!#)", svg)
(Path(__file__).parent.parent / "docs" / "pictures" / "preview.svg").write_text(svg)
