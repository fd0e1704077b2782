"""Every row has exactly one outcome; after the end nothing changes the counters any more."""

from __future__ import annotations

import json
import threading

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_heap.api.response import Response
from airflow_provider_heap.exceptions import StateError, SyncRunningError
from airflow_provider_heap.sync.items import InvalidRow, MappedChunk
from tests.unit.sync.delivery.delivered import Ledger, Recorder, users

REFUSED = Response(400, "Bad Request")


def invalid(number, reason="identity_null"):
    return InvalidRow(number, reason, "email", {"email": None})


def test_each_outcome_has_its_counter_and_they_add_up_to_the_rows_that_were_read():
    ledger = Ledger()
    ledger.add_chunk(MappedChunk(users("a", "b", "c", "d"), [invalid(5), invalid(6, "email_type")], truncated=3))
    ledger.add_unchanged(1)
    ledger.accept(users("b", "c"))
    ledger.reject(users("d"), REFUSED)
    report = ledger.report
    assert (report.unchanged, report.sent, report.rejected, report.invalid) == (1, 2, 1, 2)
    assert report.read == report.rows_read == 6
    assert report.truncated == 3
    assert report.reasons == {"identity_null": 1, "email_type": 1, "http_400": 1}
    assert ledger.sent == 2


def test_rows_on_their_way_have_no_outcome_yet():
    ledger = Ledger()
    ledger.add_chunk(MappedChunk(users("a", "b")))
    assert (ledger.report.rows_read, ledger.report.read) == (2, 0)


def test_what_did_not_arrive_is_kept_with_the_reason(tmp_path):
    ledger = Ledger(rejects_path=ObjectStoragePath(str(tmp_path / "rejects.jsonl")))
    ledger.add_chunk(MappedChunk(users("a"), [invalid(2)]))
    ledger.reject(users("a"), REFUSED)
    ledger.rejects.close()
    lines = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    assert [(line["row"], line["kind"], line["reason"]) for line in lines] == [
        (2, "invalid", "identity_null"),
        (1, "rejected", "http_400"),
    ]


def test_a_dry_run_counts_its_requests_and_what_they_hold():
    ledger = Ledger()
    ledger.add_prepared(1000, 50_000)
    ledger.add_prepared(1, 60)
    report = ledger.report
    assert (report.would_send, report.requests, report.bytes, report.sent) == (1001, 2, 50_060, 0)


def test_nothing_changes_the_counters_of_a_closed_ledger_or_is_recorded(tmp_path):
    ledger, recorder = Ledger(rejects_path=ObjectStoragePath(str(tmp_path / "rejects.jsonl"))), Recorder()
    ledger.record_with(recorder)
    ledger.accept(users("a"))
    before, calls = ledger.report.as_dict() | {"seconds": 0}, list(recorder.calls)
    ledger.close()
    ledger.add_chunk(MappedChunk(users("b"), [invalid(3)], truncated=1))
    ledger.add_unchanged(1)
    ledger.accept(users("b"))
    ledger.reject(users("c"), REFUSED)
    ledger.add_prepared(1, 1)
    assert ledger.report.as_dict() | {"seconds": 0} == before
    assert ledger.report.rows_read == 0
    assert recorder.calls == calls
    assert not (tmp_path / "rejects.jsonl").exists()


def test_the_state_is_struck_out_before_and_recorded_after():
    ledger, recorder = Ledger(), Recorder()
    ledger.record_with(recorder)
    ledger.begin(users("a"))
    ledger.assert_may_send()
    ledger.accept(users("a"))
    assert recorder.calls == [("strike_out", ["a"]), ("assert_held",), ("record", ["a"])]


def test_refused_items_are_not_recorded():
    ledger, recorder = Ledger(), Recorder()
    ledger.record_with(recorder)
    ledger.reject(users("a"), REFUSED)
    assert recorder.calls == []


def test_without_state_anything_may_be_sent():
    ledger = Ledger()
    ledger.begin(users("a"))
    ledger.assert_may_send()
    ledger.accept(users("a"))
    assert ledger.sent == 1


def test_items_that_cannot_be_recorded_count_as_sent_because_heap_has_them():
    ledger = Ledger()
    ledger.record_with(Recorder(record=StateError("away")))
    with pytest.raises(StateError):
        ledger.accept(users("a"))
    assert ledger.sent == 1


def test_errors_of_the_state_reach_the_sender():
    ledger = Ledger()
    ledger.record_with(Recorder(strike_out=StateError("away"), assert_held=SyncRunningError("taken")))
    with pytest.raises(StateError):
        ledger.begin(users("a"))
    with pytest.raises(SyncRunningError):
        ledger.assert_may_send()


@pytest.mark.parametrize(
    ("max_rejected", "failed", "exceeded"),
    [(0, 0, False), (0, 1, True), (3, 3, False), (3, 4, True), (0.29, 29, False), (0.29, 30, True)],
)
def test_invalid_and_rejected_rows_are_tolerated_together_up_to_the_limit_itself(max_rejected, failed, exceeded):
    split = failed // 2
    ledger = Ledger(max_rejected, rows_read=100, invalid=split, rejected=failed - split)
    assert ledger.tolerance_exceeded() is exceeded


def test_an_allowance_is_in_rows_beyond_the_limit():
    ledger = Ledger(10, rows_read=5000, rejected=1010)
    assert ledger.tolerance_exceeded()
    assert not ledger.tolerance_exceeded(1000)
    assert ledger.tolerance_exceeded(999)


def test_nothing_is_lost_when_many_threads_count_at_the_same_time():
    ledger, together = Ledger(), threading.Barrier(8)

    def count():
        together.wait(60)
        for _ in range(300):
            ledger.add_chunk(MappedChunk(users("a", "b", "c"), [invalid(4)]))
            ledger.accept(users("a"))
            ledger.reject(users("b"), REFUSED)
            ledger.add_unchanged(1)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    report = ledger.report
    assert (report.sent, report.rejected, report.unchanged, report.invalid) == (2400, 2400, 2400, 2400)
    assert report.rows_read == report.read == 9600
    assert report.reasons == {"http_400": 2400, "identity_null": 2400}
