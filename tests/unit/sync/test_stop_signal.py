"""A stop ends every wait with its reason; calls that block go on without anybody waiting for them."""

from __future__ import annotations

import threading
from contextvars import ContextVar

import pytest

from airflow_provider_heap.exceptions import SyncStoppedError
from airflow_provider_heap.sync.stop_signal import BackgroundCall, StopSignal

variable = ContextVar("variable", default="none")


@pytest.fixture
def stop():
    return StopSignal()


def in_background(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


def test_until_it_is_set_nothing_happens(stop):
    assert not stop.is_set
    stop.raise_if_set()
    stop.wait(0)


def test_once_it_is_set_it_stays_set_and_the_first_reason_counts(stop):
    first = SyncStoppedError("first")
    stop.set(first)
    stop.set(SyncStoppedError("second"))
    assert stop.is_set
    for wait in (stop.raise_if_set, lambda: stop.wait(60), lambda: stop.wait_for(lambda: True)):
        with pytest.raises(SyncStoppedError) as raised:
            wait()
        assert raised.value is first


def test_a_listener_is_called_once_on_the_thread_that_orders_the_stop(stop):
    threads = []
    stop.on_set(lambda: threads.append(threading.current_thread()))
    ordering = in_background(stop.set, SyncStoppedError("stop"))
    ordering.join(60)
    stop.set(SyncStoppedError("again"))
    assert threads == [ordering]


def test_a_listener_that_comes_too_late_is_called_at_once(stop):
    stop.set(SyncStoppedError("stop"))
    calls = []
    stop.on_set(lambda: calls.append("called"))
    assert calls == ["called"]


def test_a_listener_may_use_the_signal_itself(stop):
    seen = []
    stop.on_set(lambda: seen.append(stop.is_set))
    stop.on_set(lambda: stop.on_set(lambda: seen.append("nested")))
    stop.on_set(stop.notify)
    stop.set(SyncStoppedError("stop"))
    assert seen == [True, "nested"]


def test_what_holds_already_is_not_waited_for(stop):
    assert stop.wait_for(lambda: True) is True


def test_what_does_not_come_true_in_time_does_not_hold(stop):
    assert stop.wait_for(lambda: False, 0.001) is False


def test_a_wait_ends_when_something_comes_true_and_notifies(stop):
    asked, happened = threading.Event(), []

    def holds():
        asked.set()
        return bool(happened)

    def happen():
        asked.wait(60)
        happened.append(True)
        stop.notify()

    in_background(happen)
    assert stop.wait_for(holds, 60) is True


def test_a_stop_ends_all_waits(stop):
    waiting, errors = threading.Barrier(4), []

    def wait():
        def holds():
            return False

        waiting.wait(60)
        try:
            stop.wait_for(holds)
        except SyncStoppedError as error:
            errors.append(error)

    threads = [in_background(wait) for _ in range(3)]
    waiting.wait(60)
    error = SyncStoppedError("stop")
    stop.set(error)
    for thread in threads:
        thread.join(60)
    assert errors == [error] * 3


def test_a_call_returns_its_result_and_ends_the_wait_for_it(stop):
    call = BackgroundCall(lambda: 42, "call", stop)
    assert stop.wait_for(call.returned, 60)
    assert call.result() == 42


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
def test_a_call_that_fails_raises_where_its_result_is_asked_for(stop, error):
    def fail():
        raise error

    call = BackgroundCall(fail, "call", stop)
    assert stop.wait_for(call.returned, 60)
    with pytest.raises(type(error)) as raised:
        call.result()
    assert raised.value is error


def test_a_call_runs_on_a_daemon_thread_of_its_name_in_the_context_of_its_caller():
    def look():
        thread = threading.current_thread()
        return thread.name, thread.daemon, variable.get()

    token = variable.set("the caller's")
    call = BackgroundCall(look, "heap-call")
    variable.reset(token)
    assert call.wait(60)
    assert call.result() == ("heap-call", True, "the caller's")


def test_what_a_call_sets_in_its_context_does_not_reach_the_caller():
    call = BackgroundCall(lambda: variable.set("the call's"), "heap-call")
    assert call.wait(60)
    assert variable.get() == "none"


def test_a_stop_ends_the_wait_for_a_call_and_not_the_call(stop):
    answered = threading.Event()

    def ask():
        answered.wait(60)
        return "late"

    call = BackgroundCall(ask, "call", stop)
    in_background(stop.set, SyncStoppedError("stop"))
    with pytest.raises(SyncStoppedError):
        stop.wait_for(call.returned)
    assert not call.returned()
    assert not call.wait(0)
    answered.set()
    assert call.wait(60)
    assert call.result() == "late"
