"""What a task leaves for others never fails it, nor hides why it failed."""

from __future__ import annotations

import logging

import pytest
from airflow.providers.common.compat.sdk import Asset, AssetAlias

from airflow_provider_heap.operators.xcom import add_to_asset_events, push_xcom

REPORT = {"sent": 2, "read": 2}


class Event:
    def __init__(self, **extra):
        self.extra = extra


def test_an_xcom_is_pushed_under_its_key(ti):
    push_xcom({"ti": ti}, "report", REPORT)
    assert ti.xcom == {"report": REPORT}


class Broken:
    def xcom_push(self, key, value):
        raise ConnectionError("secret")


@pytest.mark.parametrize("context", [{"ti": Broken()}, {}, {"ti": None}], ids=["failing", "no task", "none"])
def test_an_xcom_that_cannot_be_pushed_is_a_warning(context, caplog):
    caplog.set_level(logging.INFO)
    push_xcom(context, "report", REPORT)
    assert caplog.messages == ["report could not be pushed as XCom"]
    assert "secret" not in caplog.text


def test_each_asset_gets_the_counters_beside_what_it_has():
    first, second = Asset("heap://users"), Asset("heap://accounts")
    events = {first: Event(mine=1), second: Event()}
    add_to_asset_events({"outlet_events": events}, [first, second], REPORT)
    assert events[first].extra == {"mine": 1, **REPORT}
    assert events[second].extra == REPORT


def test_an_alias_gets_none_because_it_stands_for_others():
    alias = AssetAlias("later")
    events = {alias: Event()}
    add_to_asset_events({"outlet_events": events}, [alias], REPORT)
    assert events[alias].extra == {}


def test_without_events_or_outlets_there_is_nothing_to_do():
    add_to_asset_events({}, [Asset("heap://users")], REPORT)
    add_to_asset_events({"outlet_events": {}}, [], REPORT)
