"""
End a run early, from another thread, at any moment.

Python runs a signal handler only between two instructions of the main thread, so a main thread that waits inside of a
database driver hears nothing of SIGTERM. Calls that may block therefore run on a thread of their own, and the main
thread waits for their result in a way that a stop ends.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class StopSignal:
    """
    The order to stop, with its reason; safe to use from several threads.

    It is either unset or, once and for all, set. ``_condition`` guards ``_error`` and ``_listeners``.
    """

    def __init__(self) -> None:
        self._error: BaseException | None = None
        self._listeners: list[Callable[[], None]] = []
        self._condition = threading.Condition()

    def set(self, error: BaseException) -> None:
        """
        Order the stop, and end all waits. Not from a signal handler: the interrupted thread may hold the lock.

        :param error: raised by everything that waits; the first one counts.
        """
        with self._condition:
            if self._error is not None:
                return
            self._error = error
            listeners, self._listeners = self._listeners, []
            self._condition.notify_all()
        for listener in listeners:
            listener()

    @property
    def is_set(self) -> bool:
        """Whether the stop is ordered."""
        return self._error is not None

    def raise_if_set(self) -> None:
        """
        Do nothing, or raise the error of the stop.

        :raises BaseException: the error that the stop was ordered with.
        """
        if self._error is not None:
            raise self._error

    def on_set(self, listener: Callable[[], None]) -> None:
        """
        Call something when the stop is ordered; at once when it is ordered already.

        :param listener: called without arguments, on the thread that orders the stop.
        """
        with self._condition:
            if self._error is None:
                self._listeners.append(listener)
                return
        listener()

    def wait(self, seconds: float) -> None:
        """
        Sleep, unless the stop is ordered.

        :param seconds: how long.
        :raises BaseException: the error that the stop was ordered with.
        """
        self.wait_for(lambda: False, seconds)

    def wait_for(self, predicate: Callable[[], bool], seconds: float | None = None) -> bool:
        """
        Wait until something holds; :meth:`notify` has it looked at again.

        :param predicate: called with the lock held.
        :param seconds: how long at most; None for no limit.
        :return: whether it holds.
        :raises BaseException: the error that the stop was ordered with.
        """
        with self._condition:
            holds = self._condition.wait_for(lambda: self._error is not None or predicate(), seconds)
            if self._error is not None and not predicate():
                raise self._error
            return holds

    def notify(self) -> None:
        """Have the predicates of :meth:`wait_for` looked at again."""
        with self._condition:
            self._condition.notify_all()


class BlockingCalls:
    """
    Runs calls that may block on one thread, in order; a stop ends the wait for a call, not the call itself.

    All calls run on the same thread, because a driver's connection may be bound to the thread that opened it. The
    thread is a daemon: a call that never returns does not keep the process from ending.

    :param stop: ends the waits.
    :param name: of the thread.
    """

    def __init__(self, stop: StopSignal, name: str) -> None:
        self._stop = stop
        self._name = name
        self._calls: deque[_Call | None] = deque()
        self._came = threading.Semaphore(0)
        self._thread: threading.Thread | None = None
        # Airflow's task context is a context variable.
        self._context = copy_context()

    def run(
        self, function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        """
        Run a call, and wait for its result.

        :param function: what to call, with the following arguments.
        :raises BaseException: what the call raised, or the error of the stop.
        """
        self._stop.raise_if_set()
        call = self._start(function, args, kwargs)
        self._stop.wait_for(call.done.is_set)
        if call.error is not None:
            raise call.error
        result: Result = call.result
        return result

    def finish(self, function: Callable[[], None], seconds: float) -> bool:
        """
        Run a last call also after a stop, wait for it a moment, and end the thread.

        :param function: what to call.
        :param seconds: how long to wait.
        :return: whether the call returned in time.
        :raises BaseException: what the call raised.
        """
        call = self._start(function, (), {})
        self._calls.append(None)
        self._came.release()
        if not call.done.wait(seconds):
            return False
        if call.error is not None:
            raise call.error
        return True

    def _start(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Call:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        call = _Call(function, args, kwargs)
        self._calls.append(call)
        self._came.release()
        return call

    def _work(self) -> None:
        while True:
            self._came.acquire()
            call = self._calls.popleft()
            if call is None:
                return
            self._context.run(call.run)
            self._stop.notify()


class _Call:
    """A call, and what became of it. ``done`` is set after ``result`` or ``error``."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._function = function
        self._args = args
        self._kwargs = kwargs
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = threading.Event()

    def run(self) -> None:
        try:
            self.result = self._function(*self._args, **self._kwargs)
        except BaseException as error:
            self.error = error
        finally:
            self.done.set()
