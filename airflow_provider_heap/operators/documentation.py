"""Document a task from its parameters, in Markdown. No connection is looked up: DAG files are parsed all the time."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import redact

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.markdown import code_block, escape, mapping_table, table
from airflow_provider_heap.models.kinds import SqlFile
from airflow_provider_heap.models.sql import SqlModel
from airflow_provider_heap.operators.arguments import REQUIRED
from airflow_provider_heap.sync.mapping.summary import MappingSummary
from airflow_provider_heap.sync.plan.description import describe_mapping

if TYPE_CHECKING:
    from airflow_provider_heap.operators.sync import HeapSyncOperator

log = logging.getLogger(__name__)

#: Most bytes of a name or a constant, most properties, and most characters of a query: Airflow stores the text with
#: every version of a DAG.
MAX_TEXT_BYTES = 200
MAX_PROPERTIES = 200
MAX_SQL = 3000

#: Stands for a parameter that each mapped instance gets by ``expand()``.
MAPPED = "(given to each mapped instance)"


def document(operator: HeapSyncOperator) -> str | None:
    """
    Return what a task syncs: model, target, object, behaviour, sync key and mapping. None when that can't be said.

    :param operator: the task, not rendered: its templates are shown as they are.
    """
    try:
        return "\n\n".join(_sections(operator))
    except Exception:  # documentation must never break a DAG file
        log.debug("A task could not be documented", exc_info=True)
        return None


def document_partial(operator_class: type[HeapSyncOperator], kwargs: Mapping[str, Any]) -> str | None:
    """
    Return what all instances of a mapped task sync; see :func:`document`.

    :param operator_class: of the task.
    :param kwargs: what ``partial()`` was given.
    """
    # Airflow makes an operator of each instance later. This one only carries parameters, and is in no DAG.
    operator: HeapSyncOperator = object.__new__(operator_class)
    parameters: dict[str, Any] = {}
    for cls in reversed(operator_class.__mro__):
        if "__init__" in vars(cls):
            for parameter in inspect.signature(vars(cls)["__init__"]).parameters.values():
                required = any(parameter.default is none for none in (inspect.Parameter.empty, REQUIRED))
                parameters[parameter.name] = MAPPED if required else parameter.default
    vars(operator).update({**parameters, "properties": MAPPED, **kwargs})
    return document(operator)


def _sections(operator: HeapSyncOperator) -> list[str]:
    heap_object = operator.heap_object
    mapping: MappingSummary | None = None
    with suppress(ModelError):  # which the run raises
        mapping = operator.mapping().summary().mask_constants(redact)
    facts = [
        ("Model", escape(_model_name(operator))),
        ("Target", f"Heap, connection {escape(repr(operator.heap_conn_id))}"),
        ("Object", escape(f"{heap_object.name}s")),
        ("Behaviour", escape(heap_object.behaviour)),
    ]
    sections = []
    if mapping is not None:
        columns = " and ".join(f"column **{escape(column)}**" for column in mapping.key_columns)
        facts.append(("Sync key", f"{escape(heap_object.key)}, from {columns}"))
        sections.append(_mapping(operator, mapping))
    sections.insert(0, table(("Sync", escape(operator.task_id)), facts))
    if sql := _sql(operator.model):
        sections.append(code_block(sql if len(sql) <= MAX_SQL else f"{sql[:MAX_SQL]}\n…", "sql"))
    return sections


def _mapping(operator: HeapSyncOperator, mapping: MappingSummary) -> str:
    entry = describe_mapping(mapping, MAX_TEXT_BYTES)
    if mapping.properties is None and operator.properties is not None:
        fields = mapping_table({**entry, "properties": []}, operator.heap_object.name)
        return f"{fields}\n\nThe properties are known when the task runs."
    if entry["properties"]:
        entry["properties_left_out"] = max(0, len(entry["properties"]) - MAX_PROPERTIES)
        del entry["properties"][MAX_PROPERTIES:]
    return mapping_table(entry, operator.heap_object.name)


def _model_name(operator: HeapSyncOperator) -> str:
    model, connection = operator.model, operator.sql_conn_id
    if model is MAPPED:
        return str(model)
    if isinstance(model, str | SqlModel):
        kind = f"SQL of the file {str(model)!r}" if isinstance(model, SqlFile) else "SQL"
        return f"{kind} on connection {connection!r}" if connection else kind
    return str(operator.source_label)


def _sql(model: Any) -> str | None:
    """Return the text of a query; None for other models, and for a file, which is read later."""
    if isinstance(model, SqlModel):
        return str(model.sql)
    if not isinstance(model, str) or isinstance(model, SqlFile) or model is MAPPED:
        return None
    return str(model)
