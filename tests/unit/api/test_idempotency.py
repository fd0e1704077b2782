"""The same event name and insert ID give the same key, forever; other ones give another."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.api.idempotency import event_hasher, idempotency_key


def test_the_key_is_the_one_that_earlier_releases_made():
    assert idempotency_key("Order Placed", "42") == hashlib.blake2b(b"Order Placed\x1f42", digest_size=16).hexdigest()


def test_one_insert_id_of_two_events_gives_two_keys():
    assert idempotency_key("Order Placed", "42") != idempotency_key("Order Refunded", "42")


@given(st.text(), st.text())
def test_a_hasher_of_the_event_makes_the_same_key(event, insert_id):
    hasher = event_hasher(event).copy()
    hasher.update(insert_id.encode("utf-8", "surrogatepass"))
    assert hasher.hexdigest() == idempotency_key(event, insert_id)
