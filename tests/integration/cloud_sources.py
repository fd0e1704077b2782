"""Snowflake and BigQuery that compare rows, through their real clients, on emulators."""

from __future__ import annotations

import json
import re
from itertools import count

import pytest

from tests.integration.sources import Source

_numbers = count(1)


class Snowflake(Source):
    """A schema of its own in the emulator of Snowflake."""

    def __init__(self, request, monkeypatch):
        port, certificate = request.getfixturevalue("snowflake_emulator")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        schema = f"HEAP_TEST_{next(_numbers)}"
        extra = {"account": "acct", "database": "DB1", "host": "localhost", "port": port, "insecure_mode": True}
        connection = {"conn_type": "snowflake", "login": "u", "password": "p", "schema": schema, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_SNOW", json.dumps(connection))
        import snowflake.connector

        login = {"user": "u", "password": "p", "account": "acct", "host": "localhost", "port": port}
        self._connection = snowflake.connector.connect(**login, database="DB1", insecure_mode=True, autocommit=True)
        super().__init__("snow", schema, self._run)
        self._run(f"create schema {schema}")
        self._run(f"use schema {schema}")

    def _run(self, statement):
        with self._connection.cursor() as cursor:
            return cursor.execute(statement).fetchall()

    def name(self, column):
        """Return the name of a column whose name has no quotes."""
        return column.upper()

    @property
    def tables(self):
        """The names of the tables that syncs made, in lower case, as for other databases."""
        rows = self.run(f"select table_name from information_schema.tables where table_schema = '{self.schema}'")
        return sorted(row[0].lower() for row in rows if row[0].startswith("HEAP_"))

    def close(self):
        """Drop the schema."""
        self._run(f"drop schema {self.schema} cascade")
        self._connection.close()


class BigQuery(Source):
    """A dataset of its own in the emulator of BigQuery."""

    def __init__(self, request, monkeypatch):
        from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
        from google.api_core.client_options import ClientOptions
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import bigquery

        rest, _ = request.getfixturevalue("bigquery_emulator")
        # The hook has no setting for an endpoint.
        options = ClientOptions(api_endpoint=f"http://127.0.0.1:{rest}")
        monkeypatch.setattr(BigQueryHook, "get_client_options", lambda hook: options)
        dataset = f"heap_test_{next(_numbers)}"
        place = {"projectId": "proj", "datasetId": dataset}
        extra = {
            "is_anonymous": True,
            "project": "proj",
            "api_resource_configs": {"query": {"defaultDataset": place}},
        }
        monkeypatch.setenv("AIRFLOW_CONN_BQ", json.dumps({"conn_type": "gcpbigquery", "extra": extra}))
        config = bigquery.QueryJobConfig(default_dataset=f"proj.{dataset}")
        self.client = bigquery.Client("proj", AnonymousCredentials(), client_options=options)
        self.client.default_query_job_config = config
        self.client.create_dataset(dataset)
        super().__init__("bq", dataset, self._run)

    def _run(self, statement):
        return [tuple(row) for row in self.client.query(_googlesql(statement)).result()]

    def quoted(self, name):
        """Return a name with backticks; not every character can be part of one."""
        return f"`{name}`"

    @property
    def tables(self):
        """The names of the tables that syncs made."""
        names = [table.table_id for table in self.client.list_tables(self.schema)]
        return sorted(name for name in names if name.startswith("heap_"))

    def close(self):
        """Drop the dataset."""
        self.client.delete_dataset(self.schema, delete_contents=True)
        self.client.close()


def _googlesql(statement):
    """Return a statement of the tests as BigQuery has it."""
    statement = re.sub(r"\bvarchar\(\d+\)", "string", statement)
    return f"{statement} where true" if re.match(r"(delete from|update) (?!.*\bwhere\b)", statement) else statement


def _opened(cls):
    def source(request, tmp_path, monkeypatch):
        patch = pytest.MonkeyPatch()  # a test may undo its own
        request.addfinalizer(patch.undo)
        opened = cls(request, patch)
        request.addfinalizer(opened.close)
        return opened

    return source


CLOUD_SOURCES = {"snowflake": _opened(Snowflake), "bigquery": _opened(BigQuery)}
