"""The counters of a run add up, and the table that ends its log shows those that mean something."""

from __future__ import annotations

import json
from collections import Counter
from types import SimpleNamespace

import pytest

from airflow_provider_heap.sync import report as module
from airflow_provider_heap.sync.report import Report

KEYS = [
    *("read", "unchanged", "invalid", "rejected", "sent", "truncated"),
    *("requests", "bytes", "seconds", "reasons", "rejects", "sync"),
]
TITLE = "Sync people: users (update or create) to Heap"


@pytest.fixture
def clock(monkeypatch):
    """The clock of reports, in seconds; it goes on when the test says so."""

    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def table(report):
    """Return the lines of a table between its rules, by name, without the spaces."""
    title, first_rule, *rows, last_rule = report.recap(TITLE)
    assert title == TITLE
    assert first_rule == last_rule
    assert set(first_rule) == {"-"}
    return {row[:24].strip(): " ".join(row[24:].split()) for row in rows}


def test_rows_read_are_those_whose_outcome_is_known():
    report = Report(rows_read=100, unchanged=1, invalid=2, rejected=3, sent=4)
    assert report.read == 10
    assert report.done == 4


def test_in_a_dry_run_what_would_be_sent_takes_the_place_of_what_was():
    report = Report(unchanged=1, invalid=2, would_send=5)
    assert (report.read, report.done) == (8, 5)


def test_a_report_is_small_json_with_the_same_keys_for_every_run():
    report = Report(sent=1, reasons=Counter(http_400=2)).as_dict()
    assert list(report) == KEYS
    assert json.loads(json.dumps(report)) == report
    assert type(report["reasons"]) is dict


def test_keys_that_say_nothing_about_a_run_are_left_out():
    assert "duplicate_keys" not in Report().as_dict()
    assert Report(duplicate_keys=0).as_dict()["duplicate_keys"] == 0
    dry = Report(would_send=0).as_dict()
    assert (dry["would_send"], dry["dry_run_path"]) == (0, None)


def test_the_clock_runs_until_the_end_and_then_stands(clock):
    report = Report(_started=clock.now)
    clock.now += 5
    assert report.seconds == 5
    report.end()
    clock.now += 5
    report.end()
    assert report.seconds == 5
    assert report.as_dict()["seconds"] == 5


def test_the_table_lists_reasons_below_what_they_are_reasons_of(clock):
    reasons = Counter({"identity_null": 2, "http_400": 1, "email_type": 1})
    report = Report(
        unchanged=4, invalid=3, rejected=1, sent=2000, requests=3, bytes=123456, reasons=reasons, _started=clock.now
    )
    clock.now += 2
    rows = table(report)
    assert list(rows) == [
        *["rows read", "unchanged", "invalid", "identity_null", "email_type", "rejected", "http_400", "sent"],
        *["texts truncated", "requests", "seconds"],
    ]
    assert rows["rows read"] == "2,008"
    assert rows["requests"] == "3 123,456 bytes"
    assert rows["seconds"] == "2.0 1,000 rows/s sent"


def test_the_table_of_a_dry_run_says_that_nothing_was_sent():
    rows = table(Report(would_send=3, dry_run_path="/kept"))
    assert rows["would send"] == "3"
    assert rows["requests kept in"] == "/kept"
    assert "nothing was sent" in rows
    assert "sent" not in rows
    assert "rejected" not in rows
    assert rows["seconds"].endswith("rows/s prepared")


def test_the_table_has_duplicates_and_the_rejects_file_where_there_are_any():
    rows = table(Report(duplicate_keys=7, rejects="/rejects/1.jsonl"))
    assert rows["keys more than once"] == "7"
    assert rows["rejects file"] == "/rejects/1.jsonl"
    assert not {"keys more than once", "rejects file"} & set(table(Report()))


def test_a_run_that_took_no_time_has_a_table_too(clock):
    assert table(Report(sent=1, _started=clock.now))["seconds"].startswith("0.0")


@pytest.mark.parametrize(("length", "width"), [(1, 44), (60, 60), (200, 80)])
def test_rules_are_as_wide_as_the_title_within_what_airflows_page_shows(length, width):
    assert len(Report().recap("x" * length)[1]) == width


def test_rows_whose_outcome_is_not_known_are_read_and_not_confirmed():
    lines = Report(rows_read=10, sent=6).recap("Sync people")
    assert [line.split() for line in lines if "read" in line or "confirmed" in line] == [
        ["rows", "read", "10"],
        ["not", "confirmed", "4"],
    ]
    assert not [line for line in Report(rows_read=6, sent=6).recap("Sync people") if "confirmed" in line]
