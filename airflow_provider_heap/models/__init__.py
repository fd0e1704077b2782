"""
Where rows come from. A model has one duty: to give column names and chunks of rows.

Anything with an ``open`` like :class:`Model`'s is a model; make it a frozen dataclass without secrets, because Airflow
serializes the arguments of operators.
"""

from airflow_provider_heap.models.base import Model, ReadContext, Rows

__all__ = ["Model", "ReadContext", "Rows"]
