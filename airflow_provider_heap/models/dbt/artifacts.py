"""
The files that dbt leaves behind, read for the few fields that a sync needs.

Their schemas: https://docs.getdbt.com/reference/artifacts/dbt-artifacts. Only fields that are the same in every version
from dbt 1.7 on are read; what a later version adds is passed over.
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
        Return a file's content.

        :param name: of the artifact, such as ``run_results.json``.
        :raises ModelError: when there is none.
        """
        ...

    def label(self, name: str) -> str:
        """
        Return how messages call a file.

        :param name: of the artifact.
        """
        ...


class Folder:
    """
    The folder that dbt writes to, here or on object storage.

    :param manifest: the manifest's path, or any URL of ``ObjectStoragePath``; the other artifacts lie beside it.
    """

    def __init__(self, manifest: str | Path | ObjectStoragePath) -> None:
        self._relative = ""
        if not isinstance(manifest, ObjectStoragePath):
            # Airflow 2 would look for it in the root.
            if "://" not in str(manifest) and not Path(manifest).is_absolute():
                self._relative = f" (manifest={str(manifest)!r} is seen from the folder in which this worker runs)"
                manifest = Path.cwd() / manifest
            manifest = ObjectStoragePath(str(manifest))
        self._manifest = manifest

    def read(self, name: str) -> bytes:
        """
        Return a file's content.

        :param name: of the artifact.
        :raises ModelError: when there is none.
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
        Return a file's path.

        :param name: of the artifact.
        """
        return str(self._path(name))

    def _path(self, name: str) -> ObjectStoragePath:
        return self._manifest if name == MANIFEST else self._manifest.parent / name


class Metadata(msgspec.Struct, frozen=True, gc=False):
    """What every artifact says of itself."""

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
    """One thing of a dbt project: a model, a snapshot, a seed, a source, a test."""

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
        """The unique IDs of what it is made from."""
        return self.depends_on.nodes if self.depends_on else []


class Manifest(msgspec.Struct, frozen=True, gc=False):
    """``manifest.json``: the project."""

    metadata: Metadata
    nodes: dict[str, Node]
    sources: dict[str, Node] = {}
    unit_tests: dict[str, Node] = {}
    #: Left open: older manifests hold other things here, and it is read only to explain why a model is not found.
    disabled: msgspec.Raw = msgspec.Raw(b"{}")


class Arguments(msgspec.Struct, frozen=True, gc=False):
    """How dbt was called."""

    which: str | None = None


class Result(msgspec.Struct, frozen=True, gc=False):
    """What became of one node, or of one source's check for freshness."""

    unique_id: str
    status: str
    message: str | None = None
    failures: int | None = None
    max_loaded_at: str | None = None
    error: Any = None


class Results(msgspec.Struct, frozen=True, gc=False):
    """``run_results.json`` or ``sources.json``: what became of the nodes that dbt's last command was about."""

    metadata: Metadata
    results: list[Result]
    args: Arguments = Arguments()


Artifact = TypeVar("Artifact", Manifest, Results)


def load(artifacts: Artifacts, name: str, kind: type[Artifact]) -> Artifact:
    """
    Read an artifact. Its bytes are in memory once, and beside them only the fields that are wanted.

    :param artifacts: of a run of dbt.
    :param name: of the artifact.
    :param kind: what it holds.
    :raises ModelError: when there is none, or it is not what dbt writes.
    """
    try:
        return msgspec.json.decode(artifacts.read(name), type=kind)
    except msgspec.MsgspecError as error:
        raise ModelError(
            f"{artifacts.label(name)} is not {name} as dbt writes it ({error}). "
            "If dbt was writing it just now, let the sync run after dbt."
        ) from None
