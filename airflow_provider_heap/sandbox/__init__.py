"""
A local stand-in for Heap: to try a DAG without touching Heap, and for tests.

It does what Heap documents. Where Heap documents nothing it has to guess, and says so: ``GUESSES`` lists what. That it
takes a request is no proof that Heap does.
"""

from airflow_provider_heap.sandbox.faults import Faults
from airflow_provider_heap.sandbox.server import Sandbox

#: What the sandbox does although Heap documents nothing about it.
GUESSES = (
    "One bad item refuses its whole request with 400 and a text that names the item.",
    "Booleans, nulls and objects as property values are refused; Heap names numbers and strings alone.",
    "A repeated idempotency_key is answered 200 like a new one.",
    "Any digits-only App ID is taken; so does Heap, as third parties say.",
    "With --enforce-pace, items over Heap's limits are answered 429 with Retry-After.",
)

__all__ = ["GUESSES", "Faults", "Sandbox"]
