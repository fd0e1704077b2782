"""The trigger asks until all is deleted, gives up for good reasons only, and can be made again from what it says."""

from __future__ import annotations

import asyncio
import json

import pytest
from airflow.triggers.base import TriggerEvent

from airflow_provider_heap.api.client import HeapClient
from airflow_provider_heap.hooks.heap import HeapHook
from airflow_provider_heap.sandbox import Faults
from airflow_provider_heap.triggers.heap import HeapDeletionTrigger


@pytest.fixture
def request_ids(heap_sandbox):
    """Two deletions that were asked for."""
    return [HeapHook().delete_users([{"identity": name}])["deletion_requests"][0] for name in ("ada", "bob")]


def first_event(*arguments):
    async def run():
        return await asyncio.wait_for(anext(HeapDeletionTrigger("heap_default", *arguments).run()), 60)

    return asyncio.run(run())


def test_its_event_comes_when_all_are_complete(heap_sandbox, request_ids):
    heap_sandbox.deletions.pending = 0.3
    event = first_event(request_ids, 0.01)
    assert isinstance(event, TriggerEvent)
    assert (sorted(event.payload["completed_at"]), event.payload["error"]) == (sorted(request_ids), None)


def test_it_is_made_again_from_plain_values_without_a_secret(heap_sandbox, request_ids):
    path, arguments = HeapDeletionTrigger("heap_default", request_ids, 5.0).serialize()
    assert json.loads(json.dumps(arguments)) == arguments
    assert heap_sandbox.deletions.api_key not in str(arguments)
    module, _, name = path.rpartition(".")
    assert (module, name) == (HeapDeletionTrigger.__module__, HeapDeletionTrigger.__name__)
    assert HeapDeletionTrigger(**arguments).serialize() == (path, arguments)


def test_an_outage_of_heap_is_waited_out(heap_sandbox, request_ids):
    heap_sandbox.deletions.pending = 0
    heap_sandbox.faults = Faults(status=503, times=10)
    assert first_event(request_ids, 0.01).payload["error"] is None


def test_a_token_that_expires_while_it_waits_is_renewed(heap_sandbox, request_ids, monkeypatch):
    ask = HeapClient.deletion_status

    def expire(client, request_id, **options):
        heap_sandbox.deletions.tokens.clear()
        heap_sandbox.deletions.pending -= 1
        return ask(client, request_id, **options)

    monkeypatch.setattr(HeapClient, "deletion_status", expire)
    assert first_event(request_ids, 0.0).payload["error"] is None


def test_a_deletion_that_heap_does_not_know_ends_the_wait_with_what_is_complete(heap_sandbox, request_ids):
    heap_sandbox.deletions.pending = 0
    payload = first_event(["unknown", request_ids[0]], 0.01).payload
    assert ([*payload["completed_at"]], payload["unknown"]) == (request_ids[:1], ["unknown"])
    assert "'unknown': the account of this App ID has no such request" in payload["error"]


def test_a_key_that_was_revoked_ends_the_wait(heap_sandbox, request_ids):
    heap_sandbox.deletions.api_key = "another"
    payload = first_event(request_ids, 0.01).payload
    assert payload["completed_at"] == {}
    assert "answered 401 to the API key" in payload["error"]


def test_other_triggers_go_on_while_it_waits_for_an_answer(heap_sandbox, request_ids, monkeypatch):
    loop_runs, asked = asyncio.Event(), []

    def slow(client, request_id, **options):
        asked.append(request_id)
        asyncio.run_coroutine_threadsafe(_wait(loop_runs), loop[0]).result(60)
        return "complete"

    async def _wait(event):
        await event.wait()

    async def run():
        loop.append(asyncio.get_running_loop())
        waiting = asyncio.ensure_future(anext(HeapDeletionTrigger("heap_default", request_ids, 0.01).run()))
        while not asked:
            await asyncio.sleep(0.01)
        loop_runs.set()
        return await asyncio.wait_for(waiting, 60)

    loop = []
    monkeypatch.setattr(HeapClient, "deletion_status", slow)
    assert asyncio.run(run()).payload["error"] is None
