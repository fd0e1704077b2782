"""
### A file to Heap

Rows don't have to come from a database: a model is any class that gives column names and chunks of rows. This one reads
JSON lines, one object a line, from wherever `ObjectStoragePath` reaches: a local path, S3, GCS, Azure.
`HEAP_USERS_FILE` names the file.

**Look at** the code: `JsonLines` is all that a new kind of source needs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import IO, ClassVar

from airflow.providers.common.compat.sdk import DAG, ObjectStoragePath

from airflow_provider_heap.models import ReadContext, Rows
from airflow_provider_heap.operators.heap import HeapUserSyncOperator

FILE = os.environ.get("HEAP_USERS_FILE", "s3://aws_default@warehouse/exports/users.jsonl")


# Frozen, and without secrets: Airflow stores its text with the DAG, and renders copies of it.
@dataclass(frozen=True)
class JsonLines:
    """
    A file of JSON objects, one a line.

    :param path: any path or URL of ``ObjectStoragePath``. (templated)
    :param columns: the keys to read; a key that an object lacks is null.
    """

    template_fields: ClassVar[tuple[str, ...]] = ("path",)

    path: str
    columns: tuple[str, ...]

    def describe(self, sql_conn_id: str | None) -> str:
        """Return its name in the log and in messages."""
        return f"file {self.path}"

    @contextmanager
    def open(self, source: ReadContext) -> Iterator[Rows]:
        """Open the file; it is closed after the last row, or when the run ends early."""
        with ObjectStoragePath(self.path).open("rb") as file:
            yield Rows(self.columns, self._chunks(file, source.fetch_size))

    def _chunks(self, file: IO[bytes], size: int) -> Iterator[list[tuple[object, ...]]]:
        lines = iter(file.readline, b"")
        while chunk := list(islice(lines, size)):
            yield [tuple(map(json.loads(line).get, self.columns)) for line in chunk]


with DAG(
    dag_id="heap_file",
    description="Users from a file of JSON lines, on disk or in object storage.",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["heap", "example"],
    default_args={"owner": "data"},
    doc_md=__doc__,
):
    HeapUserSyncOperator(
        task_id="users",
        model=JsonLines(FILE, columns=("email", "plan", "interests")),
        identity="email",
        properties={"Plan": "plan", "Interests": "interests"},
    )
