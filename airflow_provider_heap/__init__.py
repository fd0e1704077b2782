"""Bring warehouse data into Heap (heap.io) with Apache Airflow."""

__version__ = "0.1.0"
