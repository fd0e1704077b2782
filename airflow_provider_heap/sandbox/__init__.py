"""
A local stand-in for Heap, to try a DAG without touching Heap, and for tests.

It does what Heap documents. Where Heap documents nothing it has to guess; ``GUESSES`` lists these cases. A request that
the sandbox accepts need not be accepted by Heap.
"""

from airflow_provider_heap.sandbox.checks import GUESSES
from airflow_provider_heap.sandbox.fault_injection import Faults
from airflow_provider_heap.sandbox.server import Sandbox

__all__ = ["GUESSES", "Faults", "Sandbox"]
