"""What Heap's answer to a request means."""

from __future__ import annotations

from dataclasses import dataclass

#: In place of a status when no answer came.
UNREACHABLE = 0
_TRANSIENT = frozenset({UNREACHABLE, 408, 425, 429})
_WRONG_ADDRESS = frozenset({401, 403, 404, 405})


def is_transient(status: int) -> bool:
    """
    Return whether the same request may succeed later; of Heap, Looker and dbt Cloud.

    :param status: HTTP status; 0 when no answer came.
    """
    return status >= 500 or status in _TRANSIENT


@dataclass(frozen=True)
class Response:
    """
    The answer to a request. Heap documents only 200 and 400; other statuses are read as HTTP defines them.

    :param status: HTTP status; 0 when no answer came.
    :param text: the body, or the network's error.
    :param retry_after: seconds that the server asked to wait; None when it did not ask.
    :param request_id: Heap's ID of the deletion that was asked for; None for other calls.
    """

    status: int
    text: str
    retry_after: float | None = None
    request_id: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether Heap has the items. Any 2xx: bodies differ from call to call and need not be JSON."""
        return 200 <= self.status < 300

    @property
    def server_error(self) -> bool:
        """Whether the server failed; an item may be the cause."""
        return self.status >= 500

    @property
    def transient(self) -> bool:
        """Whether the same bytes may be accepted later."""
        return is_transient(self.status)

    @property
    def wrong_address(self) -> bool:
        """Whether the address is more likely to be wrong than an item."""
        return 300 <= self.status < 400 or self.status in _WRONG_ADDRESS

    @property
    def reason_code(self) -> str:
        """The code under which refused items are counted."""
        return f"http_{self.status}"
