"""
Writes what the docs list from the code: every message of an exception, and every example DAG.

Run it after a change of either (`make docs` does); a test fails when a page is not up to date.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from airflow_provider_heap import exceptions

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "airflow_provider_heap"
CLASSES = [name for name, value in vars(exceptions).items() if inspect.isclass(value) and "heap" in value.__module__]


def messages_page() -> str:
    """Return docs/messages.md: the messages of each class of exception, as the code writes them."""
    messages: dict[str, set[str]] = defaultdict(set)
    for path in sorted(PACKAGE.rglob("*.py")):
        for name, text in _raised(ast.parse(path.read_text("utf-8"))):
            messages[name].add(text)
    parts = [
        "# All messages\n\n"
        "This page lists what the exceptions of this package say, so that a search finds it; `…` stands for names and\n"
        "numbers. [FAQ and troubleshooting](faq.md) says more about those that people meet most, and [failures and\n"
        "retries](failures.md) what happens when. `python scripts/generated_pages.py` writes this page from the code.\n"
    ]
    for name in CLASSES:
        if messages[name]:
            purpose = " ".join((inspect.getdoc(getattr(exceptions, name)) or "").split("\n\n")[0].split())
            lines = "\n".join(f"- {_code(text)}" for text in sorted(messages[name]))
            parts.append(f"## {name}\n\n{purpose}\n\n{lines}\n")
    return "\n".join(parts)


def gallery() -> str:
    """Return a table of the example DAGs: what each shows."""
    rows = ["| Example | What it shows |", "|---|---|"]
    for path in sorted((ROOT / "dags").glob("*.py")):
        doc = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        title, _, rest = doc.partition("\n\n")
        text = " ".join(rest.partition("\n\n")[0].split())
        rows.append(f"| [{path.stem}](../dags/{path.name}) | **{title.lstrip('# ').strip()}.** {text} |")
    return "\n".join(rows) + "\n"


def pages() -> dict[Path, str]:
    """Return the text that each page must have."""
    examples = ROOT / "docs" / "examples.md"
    table = re.compile(r"(<!-- gallery -->\n).*?(<!-- /gallery -->)", flags=re.DOTALL)
    return {
        ROOT / "docs" / "messages.md": messages_page(),
        examples: table.sub(lambda match: f"{match[1]}\n{gallery()}\n{match[2]}", examples.read_text("utf-8")),
    }


def _raised(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the class and the text of each exception that is made."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            text = _text(node.args[0])
            if name in CLASSES and re.search(r"[a-z]{3}", text):
                yield name, " ".join(text.split())


def _text(node: ast.AST) -> str:
    """Return the text of an expression, with an ellipsis for each part that only a run knows."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return re.sub(r"(…\s*)+…", "…", "".join(map(_text, node.values)))
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.IfExp):
        return " / ".join(filter(None, (_text(node.value.body), _text(node.value.orelse))))
    return "…"


def _code(text: str) -> str:
    fence = "``" if "`" in text else "`"
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"


if __name__ == "__main__":
    for page, content in pages().items():
        page.write_text(content, "utf-8")
