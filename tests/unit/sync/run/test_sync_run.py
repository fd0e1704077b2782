"""A run by itself: what it opens is closed, whatever happens, and the garbage collector is left as it was."""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager

import pytest

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import USER
from airflow_provider_heap.exceptions import ModelError, SyncStoppedError
from airflow_provider_heap.sync.items import ItemBatch, JsonLines, MappedChunk, MappedRows
from airflow_provider_heap.sync.plan import RunMode, SyncPlan
from airflow_provider_heap.sync.run import SyncRun, run_log
from airflow_provider_heap.sync.run import sync_run as module
from airflow_provider_heap.sync.stop_signal import StopSignal
from tests.unit.sync.plan.test_sync_plan import ENVIRONMENT


def chunk(*numbers):
    bodies = JsonLines.of(b'{"identity":"u%d"}' % number for number in numbers)
    keys = [f"u{number}" for number in numbers]
    return MappedChunk(ItemBatch(list(numbers), keys, keys, bodies, []))


def dry_plan(**values):
    return SyncPlan(USER, ENVIRONMENT, "people", "rows", mode=RunMode.DRY_RUN, **values)


class Source:
    """Rows, and whether and on which thread they were opened and closed."""

    def __init__(self, chunks):
        self.chunks = chunks
        self.events = []

    @contextmanager
    def open(self):
        self.events.append(("opened", threading.current_thread()))
        try:
            yield MappedRows(self.chunks, "signature", "email")
        finally:
            self.events.append(("closed", threading.current_thread()))


def test_without_a_stop_signal_rows_are_read_on_the_callers_thread():
    source = Source([chunk(1, 2)])
    assert SyncRun(dry_plan(), source.open).execute().would_send == 2
    assert source.events == [("opened", threading.current_thread()), ("closed", threading.current_thread())]


def test_with_a_stop_signal_they_are_opened_read_and_closed_on_one_thread_of_their_own():
    source = Source([chunk(1), chunk(2)])
    assert SyncRun(dry_plan(), source.open, stop=StopSignal()).execute().would_send == 2
    [(_, opened_on), (_, closed_on)] = source.events
    assert opened_on is closed_on is not threading.current_thread()


def test_rows_are_closed_when_reading_fails_and_the_error_has_the_report():
    def chunks():
        yield chunk(1)
        raise ModelError("half way")

    source = Source(chunks())
    with pytest.raises(ModelError, match="half way") as raised:
        SyncRun(dry_plan(), source.open).execute()
    assert source.events[-1][0] == "closed"
    assert raised.value.report["would_send"] in (0, 1)


def test_a_stop_that_was_ordered_before_the_run_keeps_it_from_reading():
    stop, source = StopSignal(), Source([chunk(1)])
    stop.set(SyncStoppedError("stopped early"))
    with pytest.raises(SyncStoppedError, match="stopped early"):
        SyncRun(dry_plan(), source.open, stop=stop).execute()


def test_a_source_that_does_not_answer_does_not_hold_up_a_stop():
    stop, answered, asked = StopSignal(), threading.Event(), threading.Event()

    def chunks():
        asked.set()
        answered.wait()
        yield chunk(1)

    def order_stop():
        asked.wait()
        stop.set(SyncStoppedError("stopped"))

    threading.Thread(target=order_stop, daemon=True).start()
    source = Source(chunks())
    with pytest.raises(SyncStoppedError):
        SyncRun(dry_plan(), source.open, stop=stop).execute()
    assert [event for event, _ in source.events] == ["opened"]
    answered.set()
    source.events[0][1].join(60)
    assert [event for event, _ in source.events] == ["opened", "closed"]


def test_the_garbage_collector_starts_less_often_as_long_as_any_run_reads():
    before = gc.get_threshold()
    first, second = module._fewer_collections(), module._fewer_collections()
    first.__enter__()
    second.__enter__()
    assert gc.get_threshold() == (module.GC_THRESHOLD, *before[1:])
    first.__exit__(None, None, None)
    assert gc.get_threshold() == (module.GC_THRESHOLD, *before[1:])
    second.__exit__(None, None, None)
    assert gc.get_threshold() == before


def test_progress_is_logged_while_heap_is_waited_for(heap_sandbox, monkeypatch):
    logged = threading.Event()
    monkeypatch.setattr(run_log, "PROGRESS_EVERY", 0.01)
    # The request is answered once progress was logged.
    heap_sandbox._on_request = lambda request: logged.wait(60)

    class Log:
        def info(self, message, *args):
            if "rows/s" in message and "%s read," in message:
                logged.set()

        warning = info

    environment = Environment("123", heap_sandbox.url)
    plan = SyncPlan(USER, environment, "people", "rows")
    report = SyncRun(plan, Source([chunk(1)]).open, log=Log()).execute()
    assert logged.is_set()
    assert report.sent == 1


def test_closing_may_take_longer_after_a_failure_than_after_a_stop():
    assert module._closing_grace(ModelError("half way")) == module.FAILURE_GRACE
    assert module._closing_grace(SyncStoppedError("stopped")) == module.CLOSE_GRACE
    assert module._closing_grace(KeyboardInterrupt()) == module.CLOSE_GRACE


def test_storage_that_does_not_answer_does_not_hold_up_a_stop_and_the_log_says_so(monkeypatch):
    answered, warnings = threading.Event(), []
    monkeypatch.setattr(module, "CLOSE_GRACE", 0.01)
    monkeypatch.setattr(module, "FAILURE_GRACE", 0.01)
    monkeypatch.setattr(module.RejectsWriter, "close", lambda self: answered.wait(60))

    class Log:
        def info(self, message, *args):
            pass

        def warning(self, message, *args):
            warnings.append(message)

    def chunks():
        yield chunk(1)
        raise ModelError("half way")

    with pytest.raises(ModelError, match="half way"):
        SyncRun(dry_plan(), Source(chunks()).open, log=Log()).execute()
    answered.set()
    assert any("storage of the rejects file does not answer" in warning for warning in warnings)
