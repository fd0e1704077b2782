"""Those who watch learn what a hook's own calls did, and nothing that happens to them hurts a run."""

from __future__ import annotations

import logging

import pytest
from airflow.providers.common.compat import sdk
from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector

from airflow_provider_heap.hooks import telemetry
from airflow_provider_heap.hooks.heap import HeapHook
from airflow_provider_heap.sandbox import Faults


@pytest.fixture
def written(monkeypatch):
    """The URIs that a hook has told Airflow's collector it wrote to."""
    # Unless something reads lineage, Airflow's own collector forgets what it is told.
    own = sdk.HookLineageCollector()
    monkeypatch.setattr(sdk, "get_hook_lineage_collector", lambda: own)
    collector = get_hook_lineage_collector()

    def of(hook):
        return [told.asset.uri for told in collector.collected_assets.outputs if told.context is hook]

    return of


def test_a_hook_tells_what_it_wrote_to_once_for_each_object(heap_sandbox, written):
    hook = HeapHook()
    hook.track([{"event": "E", "identity": "ada"}])
    hook.track([{"event": "E", "identity": "bob"}])
    hook.add_user_properties([{"identity": "ada"}])
    place = f"{heap_sandbox.url.replace('http', 'heap')}/2388822444"
    assert written(hook) == [f"{place}/events", f"{place}/users"]


def test_nothing_is_told_of_what_did_not_arrive(heap_sandbox, written):
    heap_sandbox.faults = Faults(status=400)
    hook = HeapHook()
    with pytest.raises(Exception, match="refused"):
        hook.track([{"event": "E", "identity": f"u{n}"} for n in range(30)])
    hook.add_user_properties([])
    assert written(hook) == []


def test_what_cannot_be_emitted_is_a_warning_and_the_sync_succeeds(heap_sandbox, written, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise ConnectionError("secret")

    monkeypatch.setattr(telemetry.Stats, "incr", fail)
    caplog.set_level(logging.INFO)
    assert HeapHook().add_user_properties([{"identity": "ada"}])["sent"] == 1
    assert "The metrics or the lineage of this sync could not be emitted" in caplog.text
    assert "secret" not in caplog.text
