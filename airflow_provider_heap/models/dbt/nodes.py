"""A node of a dbt project, found by what a person calls it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

import msgspec

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models.dbt.artifacts import Manifest, Node

#: What dbt keeps in the database. Everything else has no rows to read.
_KINDS = ("model", "snapshot", "seed")
#: Names that a message lists at most.
_LISTED = 20


def find(manifest: Manifest, name: str, where: str) -> Node:
    """
    Return the model, snapshot, seed or source of a name.

    :param manifest: the project.
    :param name: name, alias, ``package.name``, ``source.table`` or unique ID; of a versioned model also ``name.v2``.
    :param where: how messages call the manifest.
    :raises ModelError: when there is none or more than one, telling which there are; when it has no rows to read.
    """
    by_id = manifest.nodes.get(name) or manifest.sources.get(name)
    if by_id is not None:
        return _readable(by_id, where)
    found = [node for node in _kept(manifest) if name in _names(node)]
    # Sources often share their tables' names with models; a bare table's name is meant only when no model has it.
    found = found or [node for node in manifest.sources.values() if node.name == name]
    found = _latest(found) if len(found) > 1 else found
    if len(found) == 1:
        return _readable(found[0], where)
    if found:
        listed = ", ".join(sorted(repr(node.unique_id) for node in found))
        raise ModelError(f"{name!r} may mean more than one thing in {where}: {listed}. Name one of these.")
    raise ModelError(_absent(manifest, name, where))


def _kept(manifest: Manifest) -> Iterator[Node]:
    for node in manifest.nodes.values():
        if node.resource_type in _KINDS:
            yield node
    yield from manifest.sources.values()


def _names(node: Node) -> set[str]:
    """Return what a person may call a node, beside its unique ID."""
    if node.resource_type == "source":
        table = f"{node.source_name}.{node.name}"
        return {table, f"{node.package_name}.{table}"}
    names = {node.name, node.alias or node.name}
    if node.version is not None:
        names.add(f"{node.name}.v{version_text(node.version)}")
    return names | {f"{node.package_name}.{name}" for name in names}


def _latest(found: list[Node]) -> list[Node]:
    """Of the versions of one model, return what ``ref()`` without a version means."""
    if len({(node.package_name, node.name) for node in found}) > 1:
        return found
    return [
        node
        for node in found
        if node.version is not None and version_text(node.version) == version_text(node.latest_version)
    ] or found


def version_text(version: str | float | None) -> str:
    """
    Return a model's version as dbt writes it; JSON gives 2 as well as 2.0.

    :param version: from a manifest.
    """
    return f"{version:g}" if isinstance(version, float) else str(version)


def _readable(node: Node, where: str) -> Node:
    what = f"dbt's {node.unique_id!r} in {where}"
    if node.resource_type not in (*_KINDS, "source"):
        raise ModelError(
            f"{what} is of the kind {node.resource_type!r}, which has no rows to read. "
            "Models, snapshots, seeds and sources have."
        )
    if node.config and node.config.materialized == "ephemeral":
        raise ModelError(
            f"{what} is ephemeral: dbt keeps no table or view of it, it only pastes its SQL into other models. "
            "Materialize it as a view or a table, or name a model that is made from it."
        )
    if not node.relation_name:
        raise ModelError(
            f"{what} has no relation_name, by which dbt says where it is in the database and how it is quoted. "
            "dbt 1.0 and later write it; run dbt again with a version that does."
        )
    return node


def _absent(manifest: Manifest, name: str, where: str) -> str:
    version = f" of dbt {manifest.metadata.dbt_version}" if manifest.metadata.dbt_version else ""
    wanted = name.rpartition(".")[2]
    if any(name in {node.unique_id, *_names(node)} for node in _disabled(manifest)):
        return (
            f"dbt's model {name!r} is disabled in {where} (enabled: false), so dbt does not build it. "
            "Enable it, or name another."
        )
    for node in manifest.nodes.values():
        if node.resource_type not in _KINDS and name in _names(node):
            return (
                f"{name!r} in {where} is of the kind {node.resource_type!r}, which has no rows to read. "
                "Models, snapshots, seeds and sources have."
            )
    short = {
        f"{node.source_name}.{node.name}" if node.resource_type == "source" else node.name for node in _kept(manifest)
    }
    close = difflib.get_close_matches(wanted, short, n=5, cutoff=0.6) or difflib.get_close_matches(name, short, n=5)
    listed = [*close, *sorted(short - set(close))]
    more = f" and {len(listed) - _LISTED:,} more" if len(listed) > _LISTED else ""
    names = ", ".join(map(repr, listed[:_LISTED])) + more if listed else "nothing"
    return f"There is no model, snapshot, seed or source {name!r} in {where}{version}. It has: {names}."


def _disabled(manifest: Manifest) -> Iterable[Node]:
    try:
        found = msgspec.json.decode(manifest.disabled, type=dict[str, list[Node]])
    except msgspec.MsgspecError:
        return []
    return [node for nodes in found.values() for node in nodes]
