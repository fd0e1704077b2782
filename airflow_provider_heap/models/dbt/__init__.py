"""A model of a dbt project as the model of a sync."""

from airflow_provider_heap.models.dbt.cloud import DbtCloudArtifacts
from airflow_provider_heap.models.dbt.model import DbtModel

__all__ = ["DbtCloudArtifacts", "DbtModel"]
