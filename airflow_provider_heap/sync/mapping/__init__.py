"""From the rows of a model to items."""

from airflow_provider_heap.sync.mapping.constant import Constant, PropertyValue
from airflow_provider_heap.sync.mapping.field_mapping import FieldMapping
from airflow_provider_heap.sync.mapping.row_template import RowTemplate

__all__ = ["Constant", "FieldMapping", "PropertyValue", "RowTemplate"]
