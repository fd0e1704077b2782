"""What the command prints."""

from __future__ import annotations

from airflow_provider_heap.api.objects import EVENT, USER
from airflow_provider_heap.sandbox.__main__ import describe, main
from tests.unit.sandbox.client import event, post


def test_the_summary_says_what_arrived(heap_sandbox, capsys):
    post(heap_sandbox, USER, {"identity": "<ada>", "properties": {"plan": "pro"}})
    post(heap_sandbox, EVENT, event(idempotency_key="k"), event(idempotency_key="k"))
    assert main(["--summary", heap_sandbox.url]) == 0
    printed = capsys.readouterr().out
    assert printed.strip() == describe(heap_sandbox.summary())
    assert "2 requests reached the sandbox, 0 of them were not accepted." in printed
    assert "App ID 123 has 2 users, 0 accounts, 1 event (1 repeated item ignored)." in printed
    assert "For example user <ada>: plan = pro" in printed
    assert "For example event 'Order' of ada, on arrival: no properties" in printed


def test_a_wrong_fault_is_an_error_of_the_command(capsys):
    assert main(["--every", "0"]) == 2
    assert "every 1 or more" in capsys.readouterr().err
