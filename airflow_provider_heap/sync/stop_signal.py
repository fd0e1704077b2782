"""
End a run early, from another thread, at any moment.

Python runs a signal handler only between two instructions of the main thread, so a main thread that waits inside of a
database driver does not notice SIGTERM. Calls that may block therefore run on threads of their own, and the main thread
waits for them in a way that a stop ends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Generic, TypeVar

Result = TypeVar("Result")


class StopSignal:
    """
    The order to stop, with its reason. Safe to use from several threads.

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
            if self._error is not None:
                raise self._error
            return holds

    def notify(self) -> None:
        """Have the predicates of :meth:`wait_for` looked at again."""
        with self._condition:
            self._condition.notify_all()


class BackgroundCall(Generic[Result]):
    """
    A call that may block, on a thread of its own. A stop ends the wait for it, not the call itself.

    The thread is a daemon: a call that never returns does not keep the process from ending. ``_result`` and ``_error``
    are written before ``_done`` is set, and read after.

    :param function: what to call.
    :param name: of the thread.
    :param stop: notified when the call has returned.
    """

    def __init__(self, function: Callable[[], Result], name: str, stop: StopSignal | None = None) -> None:
        self._function = function
        self._stop = stop
        self._result: Result
        self._error: BaseException | None = None
        self._done = threading.Event()
        # Airflow's task context is a context variable.
        self._context = copy_context()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def returned(self) -> bool:
        """Return whether the call is over."""
        return self._done.is_set()

    def wait(self, seconds: float) -> bool:
        """
        Wait for the end of the call, also after a stop.

        :param seconds: how long at most.
        :return: whether it is over.
        """
        return self._done.wait(seconds)

    def result(self) -> Result:
        """
        Return what the call returned; it must be over.

        :raises BaseException: what the call raised.
        """
        if self._error is not None:
            raise self._error
        return self._result

    def _run(self) -> None:
        try:
            self._result = self._context.run(self._function)
        except BaseException as error:
            self._error = error
        finally:
            self._done.set()
            if self._stop is not None:
                self._stop.notify()
