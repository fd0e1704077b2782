"""
The files that dbt writes, read for the few fields that a sync needs.

Their schemas: https://docs.getdbt.com/reference/artifacts/dbt-artifacts. Only fields that are the same in every version
since dbt 1.7 are read; fields that a later version adds are ignored.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_heap.exceptions import ModelError

MANIFEST, RUN_RESULTS, SOURCES = "manifest.json", "run_results.json", "sources.json"


class Artifacts(Protocol):
    """The artifacts of one run of dbt."""

    def read(self, name: str) -> bytes:
        """
        Return the content of a file.

        :param name: name of the artifact, such as ``run_results.json``.
        :raises ModelError: when there is no such file.
        """
        ...

    def label(self, name: str) -> str:
        """
        Return the name of a file in messages.

        :param name: name of the artifact.
        """
        ...


class Folder:
    """
    The folder that dbt writes to, on this machine or on object storage.

    :param manifest: path of the manifest, or any URL of ``ObjectStoragePath``; the other artifacts are beside it.
    """

    def __init__(self, manifest: str | Path | ObjectStoragePath) -> None:
        self._relative = ""
        if not isinstance(manifest, ObjectStoragePath):
            # Airflow 2 would look for a relative path in the root folder.
            if "://" not in str(manifest) and not Path(manifest).is_absolute():
                self._relative = f" (manifest={str(manifest)!r} is relative to the folder in which this worker runs)"
                manifest = Path.cwd() / manifest
            manifest = ObjectStoragePath(str(manifest))
        self._manifest = manifest

    def read(self, name: str) -> bytes:
        """
        Return the content of a file.

        :param name: name of the artifact.
        :raises ModelError: when there is no such file.
        """
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            raise ModelError(
                f"There is no {self.label(name)}{self._relative}. dbt writes it into the target folder of its project."
            ) from None
        except IsADirectoryError:
            raise ModelError(f"{self.label(name)} is a folder; name the file manifest.json in it.") from None

    def label(self, name: str) -> str:
        """
        Return the path of a file.

        :param name: name of the artifact.
        """
        return str(self._path(name))

    def _path(self, name: str) -> ObjectStoragePath:
        return self._manifest if name == MANIFEST else self._manifest.parent / name


class Metadata(msgspec.Struct, frozen=True, gc=False):
    """What every artifact says about itself."""

    dbt_version: str | None = None
    generated_at: datetime | None = None
    adapter_type: str | None = None
    project_name: str | None = None


class DependsOn(msgspec.Struct, frozen=True, gc=False):
    """What a node is made from."""

    nodes: list[str] = []


class Config(msgspec.Struct, frozen=True, gc=False):
    """How a node is built."""

    materialized: str | None = None


class Node(msgspec.Struct, frozen=True, gc=False):
    """A node of a dbt project: a model, a snapshot, a seed, a source or a test."""

    unique_id: str
    resource_type: str
    name: str
    package_name: str = ""
    alias: str | None = None
    relation_name: str | None = None
    source_name: str | None = None
    version: str | float | None = None
    latest_version: str | float | None = None
    attached_node: str | None = None
    depends_on: DependsOn | None = None
    config: Config | None = None

    @property
    def parents(self) -> list[str]:
        """The unique IDs of the nodes that it is made from."""
        return self.depends_on.nodes if self.depends_on else []


class Manifest(msgspec.Struct, frozen=True, gc=False):
    """``manifest.json``: the project."""

    metadata: Metadata
    nodes: dict[str, Node]
    sources: dict[str, Node] = {}
    unit_tests: dict[str, Node] = {}
    #: Not decoded: older manifests have other things here, and it is read only to explain why a model is not found.
    disabled: msgspec.Raw = msgspec.Raw(b"{}")


class Arguments(msgspec.Struct, frozen=True, gc=False):
    """The command that dbt ran."""

    which: str | None = None


class Result(msgspec.Struct, frozen=True, gc=False):
    """The result of one node, or of the freshness check of one source."""

    unique_id: str
    status: str
    message: str | None = None
    failures: int | None = None
    max_loaded_at: str | None = None
    error: Any = None


class Results(msgspec.Struct, frozen=True, gc=False):
    """``run_results.json`` or ``sources.json``: the results of the nodes in dbt's last command."""

    metadata: Metadata
    results: list[Result]
    args: Arguments = Arguments()


Artifact = TypeVar("Artifact", Manifest, Results)


def load(artifacts: Artifacts, name: str, kind: type[Artifact]) -> Artifact:
    """
    Return an artifact. In memory are its bytes, once, and only the fields that are needed.

    :param artifacts: the artifacts of a run of dbt.
    :param name: name of the artifact.
    :param kind: the type of its content.
    :raises ModelError: when there is no such file, or it is not what dbt writes.
    """
    try:
        return msgspec.json.decode(artifacts.read(name), type=kind)
    except msgspec.MsgspecError as error:
        raise ModelError(
            f"{artifacts.label(name)} is not {name} as dbt writes it ({error}). "
            "If dbt was still writing it, run the sync after dbt."
        ) from None
