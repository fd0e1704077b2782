"""A model of a dbt project: the relation that dbt built, named and quoted as in dbt's manifest."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models.base import ReadContext, Rows
from airflow_provider_heap.models.dbt.artifacts import MANIFEST, Artifacts, Folder, Manifest, Node, load
from airflow_provider_heap.models.dbt.cloud import DbtCloudArtifacts
from airflow_provider_heap.models.dbt.gates import Gates
from airflow_provider_heap.models.dbt.nodes import resolve_node, version_text
from airflow_provider_heap.models.sql import SqlModel
from airflow_provider_heap.sync.mapping.columns import ColumnIndex

#: How databases quote a name: the opening and the closing quote.
_QUOTES = {'"': '"', "`": "`", "[": "]"}
#: Names that need no quotes where a bare name keeps its case or is turned into lower case.
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*|[A-Z_][A-Z0-9_]*")
#: Databases in which double quotes make a text instead of a name.
_BACKTICKS = frozenset({"athena", "bigquery", "databricks", "doris", "hive", "mariadb", "mysql", "spark", "starrocks"})
#: Databases in which a bare name is turned into upper case.
_UPPER_CASE = frozenset({"snowflake", "oracle"})


@dataclass(frozen=True)
class DbtModel:
    """
    A model, snapshot, seed or source of a dbt project, read through ``sql_conn_id`` from the relation that dbt built.

    :param name: name, alias, ``package.name`` or unique ID; for a source ``source.table``; for a versioned model also
        ``name.v2``, otherwise the latest version is read. (templated)
    :param manifest: path of ``manifest.json``, any URL of ``ObjectStoragePath``, or :class:`DbtCloudArtifacts`. A
        relative path starts at the folder in which the worker runs. (templated)
    :param columns: the columns to read; None for all. They match exactly, then case-insensitively. (templated)
    :param where: a condition in the database's own SQL, without the word ``where``. (templated)
    :param require: gates: ``tests`` reads ``run_results.json`` beside the manifest and refuses the model when it
        failed, was skipped, or a test on it did not pass; ``freshness`` reads ``sources.json`` and refuses it when a
        source that it is made from is not fresh. Warnings pass.
    :param max_age: the greatest age of the manifest, and of the other artifacts that are read, by ``generated_at``.
    """

    template_fields: ClassVar[tuple[str, ...]] = ("name", "manifest", "columns", "where")

    name: str
    manifest: str | Path | ObjectStoragePath | DbtCloudArtifacts = "target/manifest.json"
    columns: Sequence[str] | None = None
    where: str | None = None
    require: Collection[str] = ()
    max_age: timedelta | None = None

    def __post_init__(self) -> None:
        # The text of a set differs from process to process, and Airflow would see a new version of the DAG each time.
        if isinstance(self.require, str):
            object.__setattr__(self, "require", (self.require,))
        elif isinstance(self.require, set | frozenset):
            object.__setattr__(self, "require", tuple(sorted(map(str, self.require))))

    def describe(self, sql_conn_id: str | None) -> str:
        """
        Return its name in messages.

        :param sql_conn_id: the connection that it is read through.
        """
        return f"dbt model {self.name!r}" + (f" (connection {sql_conn_id!r})" if sql_conn_id else "")

    @contextmanager
    def open(self, source: ReadContext) -> Iterator[Rows]:
        """
        Check the gates, and read the relation.

        :param source: has the SQL hook, the parameters of ``where`` and the size of chunks.
        :raises ModelError: when there is no such model, or it has no rows to read.
        :raises GateError: when a gate is closed.
        :raises ModelUnavailableError: when dbt Cloud cannot be reached.
        """
        with SqlModel(self.compile(source)).open(source) as rows:
            yield rows

    def compile(self, source: ReadContext) -> str:
        """
        Check the gates, and return the SQL that reads the model.

        :param source: has the SQL hook, which is asked for the columns when some are named.
        :raises ModelError: when there is no such model, or it has no rows to read.
        :raises GateError: when a gate is closed.
        """
        gates = Gates(self.require, self.max_age)
        artifacts = self._artifacts()
        manifest, node = self._resolve(artifacts)
        gates.check(node, manifest, artifacts)
        where = f" where {self.where}" if self.where and self.where.strip() else ""
        return f"select {self._column_list(manifest, node, source)} from {node.relation_name}{where}"

    def reference(self) -> str:
        """
        Return dbt's reference to it, such as ``ref('dim_users')``.

        :raises ModelError: when there is no such model, or it has no rows to read.
        """
        manifest, node = self._resolve(self._artifacts())
        if node.resource_type == "source":
            return f"source({node.source_name!r}, {node.name!r})"
        package = f"{node.package_name!r}, " if node.package_name != manifest.metadata.project_name else ""
        version = f", v={version_text(node.version)}" if node.version not in (None, node.latest_version) else ""
        return f"ref({package}{node.name!r}{version})"

    def _resolve(self, artifacts: Artifacts) -> tuple[Manifest, Node]:
        manifest = load(artifacts, MANIFEST, Manifest)
        return manifest, resolve_node(manifest, str(self.name).strip(), artifacts.label(MANIFEST))

    def _artifacts(self) -> Artifacts:
        if isinstance(self.manifest, DbtCloudArtifacts):
            return self.manifest.open()
        if not self.manifest:
            raise ModelError("manifest is empty: name dbt's manifest.json, in the target folder of its project.")
        return Folder(self.manifest)

    def _column_list(self, manifest: Manifest, node: Node, source: ReadContext) -> str:
        if self.columns is None:
            return "*"
        if isinstance(self.columns, str) or not self.columns:
            raise ModelError(f"columns must be a list of names, or None for all; found {self.columns!r}.")
        with SqlModel(f"select * from {node.relation_name} where 1 = 0").open(replace(source, parameters=None)) as rows:
            index = ColumnIndex(rows.columns)
        names = [index.names[index.position(name, "columns")] for name in self.columns]
        return ", ".join(quoted(name, str(node.relation_name), manifest.metadata.adapter_type) for name in names)


def quoted(column: str, relation: str, adapter: str | None) -> str:
    """
    Return the name of a column with the quotes that it needs.

    :param column: the database's name for it.
    :param relation: the relation with the quotes that dbt gave it.
    :param adapter: dbt's name for the database.
    """
    quote = re.search(r'["`\[]', relation)
    if quote is None and adapter not in _UPPER_CASE and _PLAIN.fullmatch(column):
        return column
    opening = quote[0] if quote else "`" if adapter in _BACKTICKS else '"'
    closing = _QUOTES[opening]
    return opening + column.replace(closing, closing * 2) + closing
