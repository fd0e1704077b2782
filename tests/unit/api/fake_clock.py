"""A clock for the rate limiter whose waits take no time."""

from __future__ import annotations

from airflow_provider_heap.api.rate_limiter import Clock


class FakeClock(Clock):
    """Time passes only while somebody waits; what is due by then happens on the way."""

    def __init__(self):
        self.time = 0.0
        self.waits = []
        self._due = []

    def now(self):
        """Return the seconds that were waited for."""
        return self.time

    def wait(self, condition, seconds):
        """Let the seconds pass, or the time until the next action that is due."""
        self.waits.append(seconds)
        self.pass_until(self.time + (float("inf") if seconds is None else seconds))

    def at(self, time, action):
        """Call an action at a time."""
        self._due.append((time, action))
        self._due.sort(key=lambda due: due[0])

    def pass_until(self, time):
        """Let time pass up to the next action that is due, or else all of it."""
        if self._due and self._due[0][0] <= time:
            self.time, action = self._due.pop(0)
            action()
        else:
            assert time < float("inf"), "nobody would ever notify"
            self.time = time
