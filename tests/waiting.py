"""Waiting for what other threads and processes do."""

from __future__ import annotations

import time

#: Seconds. It only keeps a broken test from hanging: nothing waits so long on a machine that is merely busy.
PATIENCE = 120


def wait_until(what, condition, seconds=PATIENCE, every=0.02):
    """
    Wait until a condition holds.

    :param what: the condition in words, for the message.
    :param condition: called until it returns something true, which is returned.
    :param seconds: how long to wait at most.
    :param every: seconds between two calls.
    :raises AssertionError: when the condition does not hold by then.
    """
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"{what} did not come true in {seconds} s"
        time.sleep(every)
    return value
