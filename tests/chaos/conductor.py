"""Do things at chosen moments: at a request, before or after its answer, or after a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_heap.sandbox import Sandbox
from airflow_provider_heap.sandbox.store import Request

Action = Callable[[], object]


@dataclass(frozen=True)
class Cue:
    """
    When something happens.

    :param request: at which request, counted from the beginning of the attempt; None for none.
    :param delay: seconds after that request has arrived, or after the beginning.
    :param before_answer: the answer waits for it.
    """

    request: int | None
    delay: float
    before_answer: bool = False

    def __str__(self) -> str:
        if self.request is None:
            return f"after {self.delay:.3f} s"
        where = "before its answer" if self.before_answer else "whatever its answer"
        return f"at request {self.request} + {self.delay:.3f} s, {where}"


class Conductor:
    """
    Runs actions on their cue; ``_lock`` guards all attributes.

    :param sandbox: reports the requests.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._lock = threading.Lock()
        self._cues: list[tuple[Cue, Action]] = []
        self._timers: list[threading.Timer] = []
        self._late: tuple[int, float] | None = None
        self._count = 0
        sandbox._on_request = self._on_request

    def begin(self) -> None:
        """Count requests from here on, and forget all cues."""
        with self._lock:
            for timer in self._timers:
                timer.cancel()
            self._cues, self._timers, self._late, self._count = [], [], None, 0

    def on(self, cue: Cue, action: Action) -> None:
        """
        Have something done.

        :param cue: when.
        :param action: what.
        """
        with self._lock:
            if cue.request is None:
                self._start_timer(cue.delay, action)
            else:
                self._cues.append((cue, action))

    def answer_late(self, request: int, seconds: float) -> None:
        """
        Take a request's items, and answer it late.

        :param request: which one, counted from the beginning of the attempt.
        :param seconds: how late.
        """
        with self._lock:
            self._late = request, seconds

    def _start_timer(self, delay: float, action: Action) -> None:
        timer = threading.Timer(delay, action)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def _on_request(self, request: Request) -> None:
        now = []
        with self._lock:
            self._count += 1
            for cue, action in self._cues:
                if cue.request == self._count:
                    if cue.before_answer:
                        now.append((cue, action))
                    else:
                        self._start_timer(cue.delay, action)
            late = self._late[1] if self._late and self._late[0] == self._count else 0.0
        for cue, action in now:
            time.sleep(cue.delay)
            action()
        time.sleep(late)
