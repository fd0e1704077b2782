"""Counters are read from XComs that anybody may have written, and those of mapped instances are added up."""

from __future__ import annotations

import json

import msgspec
import pytest

from airflow_provider_heap.sync.report import Report
from airflow_provider_heap.ui.counters import Counters, add_up, newest_facts, read_counters, take_facts


def test_the_report_of_a_run_is_read_as_it_is():
    report = Report(unchanged=1, invalid=2, rejected=3, sent=4, requests=5, bytes=6, truncated=7, duplicate_keys=8)
    report.reasons["http_400"] = 3
    report.rejects = "/rejects/x.jsonl"
    counters = read_counters(json.dumps(report.as_dict()))
    assert counters is not None
    assert (counters.read, counters.refused, counters.sent, counters.duplicate_keys) == (10, 5, 4, 8)
    assert (counters.reasons, counters.rejects, counters.would_send) == ({"http_400": 3}, "/rejects/x.jsonl", None)


def test_a_dry_run_is_told_from_a_run_that_sent_nothing():
    report = Report(would_send=3).as_dict()
    assert read_counters(json.dumps(report)).would_send == 3


def test_a_value_that_airflows_rest_api_stored_is_a_text_in_a_text():
    assert read_counters(json.dumps(json.dumps({"read": 3, "sent": 3}))).sent == 3


def test_entries_that_are_not_known_are_left_out():
    assert read_counters('{"read": 1, "later": {"x": 1}}') == Counters(read=1)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "null",
        "7",
        "[]",
        "{}",
        '"s3://bucket/xcom/1"',
        '{"read": "1"}',
        '{"read": -1}',
        '{"read": true}',
        '{"read": 1, "reasons": ["x"]}',
        '{"read": 1, "seconds": "NaN"}',
        '{"read"',
        "[" * 100_000,
    ],
)
def test_anything_else_is_not_a_report(value):
    assert read_counters(value) is None


def test_instances_are_added_up():
    one = Counters(read=10, sent=8, invalid=2, seconds=3.0, reasons={"a": 2}, duplicate_keys=1, rejects="/x")
    two = Counters(read=5, sent=4, rejected=1, seconds=9.0, reasons={"a": 1, "b": 1}, sync=msgspec.Raw(b"{}"))
    both = add_up([one, two])
    assert both == Counters(
        read=15,
        sent=12,
        invalid=2,
        rejected=1,
        seconds=9.0,
        reasons={"a": 3, "b": 1},
        duplicate_keys=1,
        rejects="/x",
        sync=msgspec.Raw(b"{}"),
    )
    assert add_up([one]) is one
    assert add_up([]) is None
    assert add_up([Counters(read=1, would_send=1), Counters(read=2, would_send=2)]).would_send == 3


def test_the_facts_of_the_newest_run_are_taken_and_those_of_all_removed():
    values = ['{"read": 1}', '{"read": 1, "sync": {"name": "new", "properties": [["Plan", {"constant": "x"}]]}}']
    runs = [read_counters(value) for value in [*values, '{"read": 1, "sync": {"name": "old"}}']]
    facts = take_facts([None, *runs])
    assert (facts.name, facts.properties) == ("new", [("Plan", {"constant": "x"})])
    assert [run.sync for run in runs] == [msgspec.UNSET] * 3
    assert take_facts(runs) is None


def test_the_facts_of_the_newest_run_stay_with_it_for_the_next_time():
    values = ['"no facts"', '{"name": "new"}', '{"name": "old"}']
    runs = [read_counters('{"read": 1, "sync": ' + value + "}") for value in values]
    assert [newest_facts([None, *runs]).name for _ in range(2)] == ["new", "new"]
    assert [run.sync is msgspec.UNSET for run in runs] == [True, False, True]


@pytest.mark.parametrize(
    "entry", ["null", "7", '{"target": "x"}', '{"fields": {"a": 1}}', '{"name": "' + "x" * 5000 + '"}']
)
def test_facts_that_no_run_wrote_are_not_shown(entry):
    counters = read_counters('{"read": 1, "sync": ' + entry + "}")
    assert counters.read == 1
    assert take_facts([counters]) is None
