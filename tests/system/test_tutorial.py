"""What the tutorial, docs/first-sync.md, says that a run prints is what it prints."""

from __future__ import annotations

import re

import pytest

from airflow_provider_heap.exceptions import ModelError
from tests.conftest import ROOT
from tests.system.test_first_sync import people  # noqa: F401 (a fixture)

PAGE = (ROOT / "docs" / "first-sync.md").read_text()


class Log:
    """Takes what a run logs, as lines."""

    def __init__(self):
        self.lines = []

    def info(self, message, *args):
        """Take a message."""
        self.lines += (str(message) % args if args else str(message)).splitlines()

    warning = error = info


def output(after):
    """Return the first block without a language that follows a text on the page."""
    blocks = re.findall(r"^```(.*?)\n(.*?)\n```$", PAGE.partition(after)[2], flags=re.DOTALL | re.MULTILINE)
    return next(text for language, text in blocks if not language)


def test_the_log_of_the_run(people, heap_sandbox):  # noqa: F811
    log = Log()
    people.sync_run(people.plan({}), log).execute()
    text = "\n".join(log.lines).replace(heap_sandbox.url, "http://127.0.0.1:8047")
    text = text[text.index("Row 4 is invalid") :]
    # The speed is that of one machine on one day.
    expected, found = (re.sub(r"^seconds .*", "seconds", each, flags=re.MULTILINE) for each in (text, output("## 5.")))
    assert found == expected


def test_the_message_of_a_column_that_is_missing(people, heap_sandbox):  # noqa: F811
    people.model = people.model.replace(", trial_ends_at", "")
    with pytest.raises(ModelError) as raised:
        people.execute({})
    assert " ".join(output("## 6.").split()) == str(raised.value)
