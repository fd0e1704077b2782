"""An adoption records items as if Heap had taken them."""

from __future__ import annotations

import pytest

from airflow_provider_heap.exceptions import StateError
from airflow_provider_heap.sync.delivery.record_only import RecordOnlySender
from tests.unit.sync.delivery.delivered import Ledger, Recorder, users


def test_items_are_recorded_and_nothing_is_struck_out():
    ledger, recorder = Ledger(), Recorder()
    ledger.record_with(recorder)
    RecordOnlySender(ledger).deliver(users("ada", "bob"))
    assert recorder.calls == [("record", ["ada", "bob"])]
    assert (ledger.report.sent, ledger.report.requests) == (2, 0)


def test_a_state_that_cannot_be_written_ends_it():
    ledger = Ledger()
    ledger.record_with(Recorder(record=StateError("away")))
    with pytest.raises(StateError):
        RecordOnlySender(ledger).deliver(users("ada"))
