"""Markdown that shows texts of others as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from airflow_provider_heap.markdown import code_block, escape, mapping_table, table

#: CommonMark with HTML, and tables as GitHub has them: what Airflow's UI shows.
PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")
texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


def kinds(markdown):
    """Return the kinds of tokens of a text, those inside of lines too."""
    tokens = PARSER.parse(markdown)
    return [inner.type for token in tokens for inner in (token.children or [token])]


def shown(markdown):
    """Return the plain text of the cells and paragraphs."""
    return ["".join(child.content for child in token.children) for token in PARSER.parse(markdown) if token.children]


@pytest.mark.parametrize(
    "text",
    [
        "a|b",
        "`x`",
        "*a* _b_ ~~c~~",
        "<script>alert(1)</script>",
        "&lt;",
        "[a](http://x)",
        "![a](b)",
        "\\|",
        "$x$",
        "# a",
    ],
)
def test_a_text_is_shown_as_it_is(text):
    markdown = table(("Name", "is filled from"), [(escape(text), escape(text))])
    assert shown(markdown) == ["Name", "is filled from", text, text]
    assert "html_inline" not in kinds(markdown)


@given(texts, texts)
def test_no_text_breaks_a_table_or_becomes_html(first, second):
    markdown = table(("Name", "is filled from"), [(escape(first), escape(second)), ("last", "row")])
    found = kinds(markdown)
    assert (found.count("tr_open"), found.count("td_open"), found.count("table_open")) == (3, 4, 1)
    assert not {"html_inline", "html_block", "link_open", "code_inline", "em_open", "image"} & set(found)
    assert shown(markdown)[-2:] == ["last", "row"]


@given(st.text("`~ab\n|<", max_size=60))
def test_code_stays_in_its_block(code):
    tokens = PARSER.parse(code_block(code, "sql") + "\n\nafter")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert tokens[0].content.strip() == code.strip()


def test_the_mapping_is_a_table_with_what_is_not_in_it_below():
    entry = {
        "fields": [["identity", "email"]],
        "properties": [["Plan", "plan"], ["By", {"constant": "me|you"}], ["Name", {"template": "{{ a | upper }}"}]],
        "properties_left_out": 1200,
    }
    assert shown(mapping_table(entry, "user")) == [
        *("Heap user", "is filled from"),
        *("identity", "column email"),
        *("Plan", "column plan"),
        *("By", "constant me|you"),
        *("Name", "template {{ a | upper }}"),
        "… and 1,200 more properties.",
    ]


def test_columns_that_are_not_known_yet_are_said_to_be_all():
    entry = {"fields": [["identity", "email"]], "properties": None, "properties_left_out": 0}
    assert shown(mapping_table(entry, "user"))[-1] == "Every other column becomes a property of its own name."
