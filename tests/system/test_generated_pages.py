"""The pages that list what is in the code are up to date, and complete."""

from __future__ import annotations

import pytest

from scripts import generated_pages
from tests.conftest import ROOT


@pytest.mark.parametrize("path", [*generated_pages.pages()], ids=lambda path: path.name)
def test_a_page_lists_what_the_code_has(path):
    assert path.read_text("utf-8") == generated_pages.pages()[path], "run python scripts/generated_pages.py"


def test_every_exception_has_a_message_on_the_page():
    page = generated_pages.messages_page()
    assert [name for name in generated_pages.CLASSES if f"## {name}\n" not in page] == ["HeapError"]
    assert page.count("\n- `") > 80


def test_every_example_is_in_the_gallery():
    gallery = generated_pages.gallery()
    assert not [path for path in (ROOT / "dags").glob("*.py") if f"../dags/{path.name}" not in gallery]
