"""
BigQuery, through the DB-API cursor of Google's own client.

The cursor of Airflow's hook hands over what the REST API sends: a TIMESTAMP as a float, a STRUCT without the names of
its fields, NUMERIC as a text. The client knows the types.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from google.api_core.exceptions import GoogleAPICallError
from google.cloud.bigquery import QueryJobConfig, dbapi

from airflow_provider_heap.models.drivers.base import Driver

log = logging.getLogger(__name__)

#: SQL's names of types for those of the API.
_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}


@contextmanager
def open_connection(hook: Any) -> Iterator[dbapi.Connection]:
    """
    Open a connection with the credentials, project, location, labels and settings of jobs of a hook.

    :param hook: a ``BigQueryHook``.
    """
    client = hook.get_client(project_id=hook.project_id, location=hook.location)
    try:
        client.default_query_job_config = _job_config(hook)
        # Who names another endpoint names that of the REST API, and the Storage API would be somewhere else.
        options = hook.get_client_options()
        connection = Connection(client, prefer_bqstorage_client=not getattr(options, "api_endpoint", None))
        try:
            yield connection
        finally:
            connection.close()
    finally:
        client.close()


def _job_config(hook: Any) -> QueryJobConfig:
    config = QueryJobConfig.from_api_repr({**hook.api_resource_configs, "labels": dict(hook.labels or {})})
    # Legacy SQL is the hook's default, and has neither arrays nor most of the types.
    config.use_legacy_sql = False
    if hook.priority:
        config.priority = hook.priority
    return config


class Connection(dbapi.Connection):  # type: ignore[misc]
    """A connection whose cursors are those of this module."""

    def cursor(self) -> Cursor:
        """Open a cursor."""
        cursor = Cursor(self)
        self._cursors_created.add(cursor)
        return cursor


class Cursor(dbapi.Cursor):  # type: ignore[misc]
    """A cursor that reads through the Storage API where it can."""

    def execute(self, operation: str, parameters: Any = None, job_id: Any = None, job_config: Any = None) -> None:
        """
        Run a query.

        :param operation: SQL, in which ``%`` is a percent sign when there are no parameters.
        :param parameters: for ``%(name)s`` or ``%s``.
        :param job_id: the client's.
        :param job_config: the client's.
        """
        if not parameters:
            operation = operation.replace("%", "%%")
        super().execute(operation, parameters, job_id, job_config)
        self.schema = tuple(self._query_rows.schema or ())

    def _try_fetch(self, size: int | None = None) -> None:
        # The Storage API gives JSON as text, the REST API decodes it.
        if _has_json(self.schema):
            self.connection._bqstorage_client = None
        try:
            super()._try_fetch(size)
        except GoogleAPICallError as error:
            if self.connection._bqstorage_client is None:
                raise
            log.info("Rows are read without BigQuery's Storage API, which is faster: %s", error.message)
            self.connection._bqstorage_client = None
            super()._try_fetch(size)


class BigQuery(Driver):
    """google-cloud-bigquery."""

    def types(self, cursor: Any) -> list[str | None]:
        """Return the types. Parameters: see :class:`Driver`."""
        schema = getattr(cursor, "schema", None)
        if schema is None:  # of a connection of the user's
            return [_NAMES.get(column[1], column[1]) for column in cursor.description]
        return [
            f"ARRAY<{name}>" if field.mode == "REPEATED" else name
            for field in schema
            for name in (_NAMES.get(field.field_type, field.field_type),)
        ]


def _has_json(fields: Iterable[Any]) -> bool:
    return any(field.field_type == "JSON" or _has_json(field.fields) for field in fields)
