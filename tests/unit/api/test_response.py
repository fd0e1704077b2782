"""A status says what to do next."""

from __future__ import annotations

import pytest

from airflow_provider_heap.api.response import Response


@pytest.mark.parametrize(
    ("status", "accepted", "transient", "server_error", "wrong_address"),
    [
        (0, False, True, False, False),
        (200, True, False, False, False),
        (204, True, False, False, False),
        (302, False, False, False, True),
        (400, False, False, False, False),
        (403, False, False, False, True),
        (404, False, False, False, True),
        (408, False, True, False, False),
        (413, False, False, False, False),
        (425, False, True, False, False),
        (429, False, True, False, False),
        (503, False, True, True, False),
    ],
)
def test_a_status_says_what_to_do_next(status, accepted, transient, server_error, wrong_address):
    answer = Response(status, "")
    assert (answer.accepted, answer.transient) == (accepted, transient)
    assert (answer.server_error, answer.wrong_address) == (server_error, wrong_address)
    assert answer.reason_code == f"http_{status}"
