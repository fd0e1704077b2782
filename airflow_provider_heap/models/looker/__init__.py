"""A Look of Looker as the model of a sync."""

from airflow_provider_heap.models.looker.look import LookerLook

__all__ = ["LookerLook"]
