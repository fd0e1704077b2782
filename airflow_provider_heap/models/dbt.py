"""A model of a dbt project: the relation that dbt built, found and quoted as dbt's own manifest says."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models import Rows, Source
from airflow_provider_heap.models.dbt_artifacts import MANIFEST, Artifacts, Folder, Manifest, Node, load
from airflow_provider_heap.models.dbt_cloud import DbtCloudArtifacts
from airflow_provider_heap.models.dbt_gates import Gates
from airflow_provider_heap.models.dbt_nodes import find, version_text
from airflow_provider_heap.models.sql import SqlModel

__all__ = ["DbtCloudArtifacts", "DbtModel"]

#: How databases quote a name: what opens it, and what closes it.
_QUOTES = {'"': '"', "`": "`", "[": "]"}
#: What needs no quotes anywhere.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
#: They turn a bare name into upper case and a quoted one not. dbt creates columns bare, also in a quoted relation.
_UPPER_CASE = frozenset({"snowflake", "oracle"})


@dataclass(frozen=True)
class DbtModel:
    """
    A model, snapshot, seed or source of a dbt project, read through ``sql_conn_id`` from where dbt built it.

    :param name: name, alias, ``package.name`` or unique ID; of a source ``source.table``, of a versioned model also
        ``name.v2`` (without it the latest version). (templated)
    :param manifest: path of ``manifest.json``, any URL of ``ObjectStoragePath``, or :class:`DbtCloudArtifacts`. A
        relative path is seen from the folder in which the worker runs. (templated)
    :param columns: the columns to read; None for all. They are quoted as dbt quoted the relation; one that is written
        with its quotes, such as ``'"Plan"'``, is taken as it stands. (templated)
    :param where: a condition in the database's own SQL, without the word ``where``. (templated)
    :param require: gates: ``tests`` reads ``run_results.json`` beside the manifest and refuses the model when it
        failed, was skipped, or a test on it did not pass; ``freshness`` reads ``sources.json`` and refuses it when a
        source that it is made from is not fresh. Warnings pass.
    :param max_age: how far the ``generated_at`` of the manifest, and of the other artifacts that are read, may lie
        back.
    """

    template_fields: ClassVar[tuple[str, ...]] = ("name", "manifest", "columns", "where")

    name: str
    manifest: str | Path | ObjectStoragePath | DbtCloudArtifacts = "target/manifest.json"
    columns: Sequence[str] | None = None
    where: str | None = None
    require: Collection[str] = ()
    max_age: timedelta | None = None

    def __post_init__(self) -> None:
        # A set's text changes from process to process, and Airflow would see a new version of the DAG each time.
        if isinstance(self.require, str):
            object.__setattr__(self, "require", (self.require,))
        elif isinstance(self.require, set | frozenset):
            object.__setattr__(self, "require", tuple(sorted(map(str, self.require))))

    def describe(self, sql_conn_id: str | None) -> str:
        """
        Return how messages call it.

        :param sql_conn_id: the connection that it is read through.
        """
        return f"dbt model {self.name!r} (connection {sql_conn_id!r})"

    @contextmanager
    def open(self, source: Source) -> Iterator[Rows]:
        """
        Find the relation, pass the gates, and read it.

        :param source: gives the SQL hook, the parameters of ``where`` and the size of chunks.
        :raises ModelError: when there is no such model, or it has no rows to read.
        :raises GateError: when a gate is closed.
        :raises ModelUnavailableError: when dbt Cloud can't be reached.
        """
        with SqlModel(self.compile()).open(source) as rows:
            yield rows

    def compile(self) -> str:
        """
        Return the SQL that reads the model, once its gates are passed.

        :raises ModelError: when there is no such model, or it has no rows to read.
        :raises GateError: when a gate is closed.
        """
        gates = Gates(self.require, self.max_age)
        artifacts = self._artifacts()
        manifest, node = self._find(artifacts)
        gates.check(node, manifest, artifacts)
        where = f" where {self.where}" if self.where and self.where.strip() else ""
        return f"select {self._selected(manifest, node)} from {node.relation_name}{where}"

    def reference(self) -> str:
        """
        Return how dbt refers to it, such as ``ref('dim_users')``.

        :raises ModelError: when there is no such model, or it has no rows to read.
        """
        manifest, node = self._find(self._artifacts())
        if node.resource_type == "source":
            return f"source({node.source_name!r}, {node.name!r})"
        package = f"{node.package_name!r}, " if node.package_name != manifest.metadata.project_name else ""
        older = f", v={version_text(node.version)}" if node.version not in (None, node.latest_version) else ""
        return f"ref({package}{node.name!r}{older})"

    def _find(self, artifacts: Artifacts) -> tuple[Manifest, Node]:
        manifest = load(artifacts, MANIFEST, Manifest)
        return manifest, find(manifest, str(self.name).strip(), artifacts.label(MANIFEST))

    def _artifacts(self) -> Artifacts:
        if isinstance(self.manifest, DbtCloudArtifacts):
            return self.manifest.open()
        if not self.manifest:
            raise ModelError("manifest is empty: name dbt's manifest.json, in the target folder of its project.")
        return Folder(self.manifest)

    def _selected(self, manifest: Manifest, node: Node) -> str:
        if self.columns is None:
            return "*"
        if isinstance(self.columns, str) or not self.columns:
            raise ModelError(f"columns must be a list of names, or None for all; found {self.columns!r}.")
        used = re.search(r'["`\[]', node.relation_name or "")
        bare = used is None or manifest.metadata.adapter_type in _UPPER_CASE
        return ", ".join(_quoted(name, used[0] if used else '"', bare) for name in self.columns)


def _quoted(name: str, opening: str, bare: bool) -> str:
    closing = _QUOTES[opening]
    if len(name) > 2 and _QUOTES.get(name[0]) == name[-1]:
        return name
    if bare and _PLAIN.fullmatch(name):
        return name
    return opening + name.replace(closing, closing * 2) + closing
