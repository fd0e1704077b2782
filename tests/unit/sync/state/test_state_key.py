"""Keys and items are kept as hashes, which are other ones in every state."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import EVENT, USER
from airflow_provider_heap.sync.state.state_key import StateKey, fingerprints

ENVIRONMENT = Environment("2388822444", "https://heap.example")


def test_sync_app_id_host_and_object_each_have_a_state_of_their_own():
    keys = [
        StateKey("sync", ENVIRONMENT, USER),
        StateKey("another", ENVIRONMENT, USER),
        StateKey("sync", Environment("999", "https://heap.example"), USER),
        StateKey("sync", Environment("2388822444", "https://other.example"), USER),
        StateKey("sync", ENVIRONMENT, EVENT),
    ]
    assert len({key.id for key in keys}) == len(keys)
    assert len({key.key_hashes(["ada"])[0] for key in keys}) == len(keys)


@given(st.lists(st.text(st.characters(), max_size=5), unique=True))
def test_keys_that_differ_in_a_byte_have_other_hashes(keys):
    hashes = StateKey("sync", ENVIRONMENT, USER).key_hashes(keys)
    assert len(set(hashes)) == len(keys)
    assert all(len(key_hash) == 32 and set(key_hash) <= set("0123456789abcdef") for key_hash in hashes)


@given(st.lists(st.binary(max_size=5), unique=True))
def test_items_that_differ_in_a_byte_have_other_fingerprints(bodies):
    hashes = fingerprints(bodies)
    assert len(set(hashes)) == len(bodies)
    assert all(len(fingerprint) == 16 for fingerprint in hashes)
