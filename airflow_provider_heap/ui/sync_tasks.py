"""Find the tasks of this package in serialized DAGs. No DAG file and no operator is imported."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from airflow_provider_heap.api.objects import OBJECTS

#: The operators of this package, which are named after what they write; None where the file says what that is.
OPERATOR_CLASSES: dict[str, str | None] = {
    f"Heap{heap_object.name.title().replace(' ', '')}{'' if heap_object.deletes else 'Sync'}Operator": heap_object.name
    for heap_object in OBJECTS
} | {"HeapRedriveOperator": None}

#: Longest text of a DAG that the page shows.
MAX_TEXT = 20_000

_MODEL_OBJECT = re.compile(r"(\w+)\(")
_MODEL_NAMES = {"DbtModel": "dbt model", "LookerLook": "Looker Look", "SqlModel": "SQL", "SqlFile": "SQL file"}
_FLAGS = ("full_sync", "dry_run")


class SyncTask(msgspec.Struct, frozen=True, kw_only=True):
    """
    A task of this package, as far as its serialized DAG knows it.

    :param task_id: its ID.
    :param operator: the operator's class.
    :param object_name: what it writes; None when only a run can say.
    :param mapped: whether it is mapped.
    :param model: its model in a word; empty for a re-drive.
    :param model_text: the model as the DAG has it, templates included.
    :param properties: the mapping as the DAG has it; None for all columns.
    :param settings: the other template fields that are set.
    :param flags: ``full_sync`` and ``dry_run``, where a template takes them from a parameter of a run: its name.
    :param asset_uris: assets that it updates.
    """

    task_id: str
    operator: str
    object_name: str | None
    mapped: bool
    model: str
    model_text: str
    properties: Any
    settings: dict[str, Any]
    flags: dict[str, str]
    asset_uris: list[str]


def find_sync_tasks(serialized: Mapping[str, Any]) -> Iterator[SyncTask]:
    """
    Find the tasks of this package in a serialized DAG.

    :param serialized: what Airflow stores for a DAG.
    """
    for task in _plain(serialized.get("dag", {}).get("tasks", ())):
        is_ours = str(task.get("_task_module", "")).startswith("airflow_provider_heap.")
        # An operator that a user derived from ours is in a module of the user's.
        if is_ours or "heap_conn_id" in task.get("template_fields", ()):
            yield _sync_task(task)


def describe_model(model: Any) -> str:
    """
    Return what a model is, in a word.

    :param model: the template field ``model`` as a DAG has it.
    """
    text = str(model or "").strip()
    if not text:
        return ""
    if object_name := _MODEL_OBJECT.match(text):
        return _MODEL_NAMES.get(object_name[1], object_name[1])
    return text.rsplit("/", 1)[-1] if text.endswith(".sql") and "\n" not in text else "SQL"


def _sync_task(task: Mapping[str, Any]) -> SyncTask:
    operator, mapped = str(task.get("task_type", "")), bool(task.get("_is_mapped"))
    values = {**_plain(task.get("partial_kwargs", {})), **task} if mapped else task
    fields = {
        name: values[name]
        for name in task.get("template_fields", ())
        if values.get(name) not in (None, False, {}, []) and name not in ("model", "properties")
    }
    model = values.get("model")
    return SyncTask(
        task_id=str(task.get("task_id", "")),
        operator=operator,
        object_name=OPERATOR_CLASSES.get(operator) or _object_of_subclass(task.get("template_fields", ())),
        mapped=mapped,
        model=describe_model(model),
        model_text=str(model or "")[:MAX_TEXT],
        properties=values.get("properties"),
        settings=fields,
        flags={name: parameter for name in _FLAGS if (parameter := _parameter_of(values.get(name)))},
        asset_uris=[str(asset["uri"]) for asset in _plain(values.get("outlets") or ()) if "uri" in asset],
    )


def _object_of_subclass(template_fields: Any) -> str | None:
    """Return the one object that has a template field of its own, for an operator that a user derived from ours."""
    for heap_object in OBJECTS:
        if heap_object.derives_key and heap_object.name in template_fields:
            return heap_object.name
    return None


def _parameter_of(value: Any) -> str | None:
    """Return the parameter that a template such as ``{{ params.dry_run }}`` takes its value from."""
    match = (
        re.fullmatch(r"\s*\{\{\s*(?:params|dag_run\.conf)\.(\w+)\b[^{}]*\}\}\s*", value)
        if isinstance(value, str)
        else None
    )
    return match[1] if match else None


def _plain(value: Any) -> Any:
    """Remove the wrappers that serialization puts around dicts and lists."""
    if isinstance(value, dict):
        if "__var" in value and "__type" in value:
            return _plain(value["__var"])
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
