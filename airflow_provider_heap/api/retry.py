"""How often a request is tried, and how long to wait before the next try."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True)
class RetryPolicy:
    """
    When a request is repeated whose answer was transient.

    :param tries: how often a request is made at most.
    :param initial_backoff: seconds before the second try; each further wait is twice as long.
    :param max_backoff: the longest wait in seconds.
    :param max_retry_after: the longest time in seconds that a ``Retry-After`` may hold up a run. Heap does not document
        that it sends one.
    :raises ValueError: when a number is out of its range.
    """

    tries: int = 8
    initial_backoff: float = 0.5
    max_backoff: float = 30.0
    max_retry_after: float = 300.0

    def __post_init__(self) -> None:
        if self.tries < 1:
            raise ValueError(f"tries must be at least 1; found {self.tries}")
        if min(self.initial_backoff, self.max_backoff, self.max_retry_after) < 0:
            raise ValueError(f"the seconds of a retry policy must be 0 or more; found {self}")

    def wait(self, attempt: int, retry_after: float | None = None) -> float:
        """
        Return how many seconds to wait after a try.

        The wait grows exponentially. It is random between half and all of that, so that tasks that failed together do
        not come back together.

        :param attempt: the number of the try, from 1.
        :param retry_after: seconds that the server asked to wait; None when it did not ask.
        """
        # The exponent is limited because a float ends at 2 ** 1023.
        longest = min(self.max_backoff, self.initial_backoff * 2.0 ** min(attempt - 1, 1000))
        return max(longest * random.uniform(0.5, 1.0), self.limit_retry_after(retry_after or 0.0))

    def limit_retry_after(self, seconds: float) -> float:
        """
        Return how many seconds of a ``Retry-After`` are respected.

        :param seconds: what the server asked for.
        """
        return min(seconds, self.max_retry_after)


def parse_retry_after(header: str | None) -> float | None:
    """
    Return the seconds of a ``Retry-After`` header, in either of its two forms.

    :param header: a number of seconds or an HTTP date.
    :return: 0 or more; None when there is no header, or when it is neither of the two.
    """
    text = (header or "").strip()
    try:
        seconds = float(text) if text.isdigit() else (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None
    return max(seconds, 0.0)
