"""A node of a dbt project, found by the names that a person may use."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

import msgspec

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models.dbt.artifacts import Manifest, Node

#: Nodes that dbt keeps in the database. All others have no rows to read.
_KINDS = ("model", "snapshot", "seed")
#: Names that a message lists at most.
_MAX_LISTED = 20


def resolve_node(manifest: Manifest, name: str, where: str) -> Node:
    """
    Return the model, snapshot, seed or source that a name means.

    :param manifest: the project.
    :param name: name, alias, ``package.name``, ``source.table`` or unique ID; for a versioned model also ``name.v2``.
    :param where: the name of the manifest in messages.
    :raises ModelError: when there is none or more than one, listing which there are; when it has no rows to read.
    """
    by_id = manifest.nodes.get(name) or manifest.sources.get(name)
    if by_id is not None:
        return _readable(by_id, where)
    nodes = [node for node in _with_rows(manifest) if name in _names(node)]
    # Tables of sources often have the names of models; the bare name of a table counts only when no model has it.
    nodes = nodes or [node for node in manifest.sources.values() if node.name == name]
    nodes = _latest(nodes) if len(nodes) > 1 else nodes
    if len(nodes) == 1:
        return _readable(nodes[0], where)
    if nodes:
        listed = ", ".join(sorted(repr(node.unique_id) for node in nodes))
        raise ModelError(f"{name!r} may mean more than one thing in {where}: {listed}. Name one of these.")
    raise ModelError(_explain_absence(manifest, name, where))


def _with_rows(manifest: Manifest) -> Iterator[Node]:
    for node in manifest.nodes.values():
        if node.resource_type in _KINDS:
            yield node
    yield from manifest.sources.values()


def _names(node: Node) -> set[str]:
    """Return the names that a person may use for a node, besides its unique ID."""
    if node.resource_type == "source":
        table = f"{node.source_name}.{node.name}"
        return {table, f"{node.package_name}.{table}"}
    names = {node.name, node.alias or node.name}
    if node.version is not None:
        names.add(f"{node.name}.v{version_text(node.version)}")
    return names | {f"{node.package_name}.{name}" for name in names}


def _latest(nodes: list[Node]) -> list[Node]:
    """Return the latest version, which ``ref()`` without a version means; all nodes when they are not of one model."""
    if len({(node.package_name, node.name) for node in nodes}) > 1:
        return nodes
    return [
        node
        for node in nodes
        if node.version is not None and version_text(node.version) == version_text(node.latest_version)
    ] or nodes


def version_text(version: str | float | None) -> str:
    """
    Return the version of a model as dbt writes it; JSON may have 2 or 2.0.

    :param version: the version in a manifest.
    """
    return f"{version:g}" if isinstance(version, float) else str(version)


def _readable(node: Node, where: str) -> Node:
    subject = f"dbt's {node.unique_id!r} in {where}"
    if node.resource_type not in (*_KINDS, "source"):
        raise ModelError(
            f"{subject} is of the kind {node.resource_type!r}, which has no rows to read. "
            "Models, snapshots, seeds and sources have."
        )
    if node.config and node.config.materialized == "ephemeral":
        raise ModelError(
            f"{subject} is ephemeral: dbt keeps no table or view of it, it only puts its SQL into other models. "
            "Materialize it as a view or a table, or name a model that is made from it."
        )
    if not node.relation_name:
        raise ModelError(
            f"{subject} has no relation_name, the place in the database with its quotes. "
            "dbt 1.0 and later write it; run dbt again with such a version."
        )
    return node


def _explain_absence(manifest: Manifest, name: str, where: str) -> str:
    version = f" of dbt {manifest.metadata.dbt_version}" if manifest.metadata.dbt_version else ""
    last_part = name.rpartition(".")[2]
    if any(name in {node.unique_id, *_names(node)} for node in _disabled(manifest)):
        return (
            f"dbt's model {name!r} is disabled in {where} (enabled: false), so dbt does not build it. "
            "Enable it, or name another model."
        )
    for node in manifest.nodes.values():
        if node.resource_type not in _KINDS and name in _names(node):
            return (
                f"{name!r} in {where} is of the kind {node.resource_type!r}, which has no rows to read. "
                "Models, snapshots, seeds and sources have."
            )
    short = {
        f"{node.source_name}.{node.name}" if node.resource_type == "source" else node.name
        for node in _with_rows(manifest)
    }
    similar = difflib.get_close_matches(last_part, short, n=5, cutoff=0.6) or difflib.get_close_matches(
        name, short, n=5
    )
    listed = [*similar, *sorted(short - set(similar))]
    more = f" and {len(listed) - _MAX_LISTED:,} more" if len(listed) > _MAX_LISTED else ""
    names = ", ".join(map(repr, listed[:_MAX_LISTED])) + more if listed else "nothing"
    return f"There is no model, snapshot, seed or source {name!r} in {where}{version}. It has: {names}."


def _disabled(manifest: Manifest) -> Iterable[Node]:
    try:
        by_id = msgspec.json.decode(manifest.disabled, type=dict[str, list[Node]])
    except msgspec.MsgspecError:
        return []
    return [node for nodes in by_id.values() for node in nodes]
