"""Read all rows of a query through an Airflow connection."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_heap.models import ReadContext
from airflow_provider_heap.models.sql import SqlModel


def read(conn_id, sql, parameters=None, fetch_size=2):
    """Return the types and the rows of a query."""
    source = ReadContext(BaseHook.get_connection(conn_id).get_hook, parameters, fetch_size)
    with SqlModel(sql).open(source) as rows:
        return list(rows.types), [tuple(row) for chunk in rows.chunks for row in chunk]


def column(conn_id, sql, **kwargs):
    """Return the values of the only column of a query."""
    return [value for (value,) in read(conn_id, sql, **kwargs)[1]]
