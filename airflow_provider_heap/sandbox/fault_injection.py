"""Faults of the sandbox, for tests and for trying what a sync does then."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import msgspec

#: Seconds; a client that waits longer than that for an answer tests nothing any more.
MAX_LATENCY = 3600


@dataclass
class Faults:
    """
    How requests fail. All of it may be changed while the sandbox runs; the sandbox's lock guards the counters.

    :param latency: seconds before each answer.
    :param status: status of requests that fail; None for no failures by status.
    :param reset: cut the connection of requests that fail, ``before`` or ``after`` taking their items.
    :param every: which requests fail: every n-th; 1 for all.
    :param times: at most so many failures; None for no limit.
    :param seconds: failures only for so long from now on; None for no limit.
    :param retry_after: seconds of the ``Retry-After`` header of failures.
    :param refuse: keys whose requests are refused: identities, Account IDs, idempotency keys.
    :param refuse_status: status of requests that are refused.
    :param max_bytes: larger requests are answered 413; None for no limit.
    :param enforce_pace: answer 429 over Heap's limits per minute. What Heap does then is not documented: a guess.
    :raises ValueError: when a value is out of its range.
    """

    latency: float = 0.0
    status: int | None = None
    reset: str | None = None
    every: int = 1
    times: int | None = None
    seconds: float | None = None
    retry_after: float | None = None
    refuse: frozenset[str] = frozenset()
    refuse_status: int = 400
    max_bytes: int | None = None
    enforce_pace: bool = False
    _since: float = field(default_factory=time.monotonic, repr=False)
    _seen: int = field(default=0, repr=False)
    _failed: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        self.refuse = frozenset(self.refuse)
        if not 0 <= self.latency <= MAX_LATENCY or self.every < 1:
            raise ValueError(f"latency must be 0 to {MAX_LATENCY} seconds, and every 1 or more")
        for name in ("times", "seconds", "retry_after", "max_bytes"):
            if (value := getattr(self, name)) is not None and not 0 <= value < float("inf"):
                raise ValueError(f"{name} must be 0 or more")
        if self.reset not in (None, "before", "after"):
            raise ValueError("reset must be 'before' or 'after'")
        for status in (self.status, self.refuse_status):
            if status is not None and not 200 <= status <= 599:
                raise ValueError(f"a status must be 200 to 599; found {status}")

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Faults:
        """
        Return the faults that JSON describes.

        :param values: parameters by name.
        :raises ValueError: when a name is not known, or a value is out of its range.
        """
        names = {each.name for each in fields(cls) if not each.name.startswith("_")}
        if not isinstance(values, Mapping):
            raise ValueError("faults must be an object of parameters by name")
        if unknown := set(values) - names:
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(sorted(names))}")
        try:
            return msgspec.convert(values, cls)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None

    def as_dict(self) -> dict[str, Any]:
        """Return the parameters in a form that JSON has."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if not each.name.startswith("_")}
        return {**values, "refuse": sorted(self.refuse)}

    @property
    def failed(self) -> int:
        """The number of requests that failed by status or reset since these faults were set."""
        return self._failed

    def left(self) -> dict[str, float | None]:
        """Return how many more requests fail by status or reset, and for how many seconds; None for no limit."""
        return {
            "times": None if self.times is None else max(0, self.times - self._failed),
            "seconds": None if self.seconds is None else max(0.0, self.seconds - (time.monotonic() - self._since)),
        }

    def count_and_fail(self) -> bool:
        """Count a request, and return whether it fails."""
        if self.status is None and self.reset is None:
            return False
        self._seen += 1
        over = self.seconds is not None and time.monotonic() - self._since > self.seconds
        if over or self._seen % self.every or (self.times is not None and self._failed >= self.times):
            return False
        self._failed += 1
        return True
