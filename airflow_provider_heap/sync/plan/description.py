"""
What a run syncs, as the entry ``sync`` of its report: object, target, key, mapping and guards.

It goes where everybody who sees the DAG sees it, so it has no value of a row and no secret, and it is small.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_heap.sync.mapping.constant import Constant, PropertyValue
from airflow_provider_heap.sync.mapping.row_template import RowTemplate
from airflow_provider_heap.sync.mapping.summary import MappingSummary

if TYPE_CHECKING:
    from airflow_provider_heap.sync.plan import GuardSettings, SyncPlan

#: Most bytes of the entry's JSON. It is stored once a run, in Airflow's database.
MAX_BYTES = 2000
#: Most bytes of one text in it; the smaller ones are tried when the entry would be too large.
_MAX_TEXT_BYTES = (256, 128, 48)


def describe(plan: SyncPlan, mapping: MappingSummary | None = None, new_keys: int | None = None) -> dict[str, Any]:
    """
    Return what a run syncs, as JSON of at most 2000 bytes. Longer texts end in ``…``.

    :param plan: the run's.
    :param mapping: its mapping; None when the items were made elsewhere.
    :param new_keys: keys that the state did not know; None when that was not counted.
    """
    for limit in _MAX_TEXT_BYTES:
        entry = _entry(plan, mapping, new_keys, limit)
        if _drop_what_is_too_much(entry):
            break
    return entry


def describe_mapping(mapping: MappingSummary | None, limit: int) -> dict[str, Any]:
    """
    Return what fills each field and property, in pairs; ``properties`` is None while they are not known.

    :param mapping: the mapping; None when the items were made elsewhere.
    :param limit: most bytes of each text.
    """

    def pairs(sources: Mapping[str, PropertyValue]) -> list[list[Any]]:
        return [[truncate(str(name), limit), describe_value(value, limit)] for name, value in sources.items()]

    properties = mapping.properties if mapping else None
    return {
        "fields": pairs(mapping.fields) if mapping else [],
        "properties": None if properties is None else pairs(properties),
        "properties_left_out": 0,
    }


def describe_value(value: PropertyValue, limit: int) -> str | dict[str, str]:
    """
    Return what fills a property: the name of a column, or ``{"constant": ...}`` or ``{"template": ...}``.

    :param value: what the user wrote.
    :param limit: most bytes of the text.
    """
    if isinstance(value, Constant):
        text = value.value if isinstance(value.value, str) else json.dumps(value.value, default=str)
        return {"constant": truncate(text, limit)}
    if isinstance(value, RowTemplate):
        return {"template": truncate(str(value.template), limit)}
    return truncate(str(value), limit)


def truncate(text: str, limit: int) -> str:
    """
    Return a text whose JSON has at most a number of bytes, with ``…`` for what was truncated.

    :param text: any text.
    :param limit: most bytes.
    """
    if len(json.dumps(text)) <= limit:
        return text
    text = text[:limit]
    while len(json.dumps(text + "…")) > limit:
        text = text[: -max(1, (len(json.dumps(text)) - limit) // 12)]
    return text + "…"


def _entry(plan: SyncPlan, mapping: MappingSummary | None, new_keys: int | None, limit: int) -> dict[str, Any]:
    def short(text: object) -> str:
        return truncate(str(text), limit)

    environment, state = plan.environment, plan.state
    return {
        "name": short(plan.name),
        "object": plan.heap_object.name,
        "behaviour": plan.heap_object.behaviour,
        "mode": plan.mode.name.lower(),
        "source": short(plan.source_label),
        "target": {
            "app_id": short(environment.app_id),
            "region": environment.region,
            "host": short(environment.base_url),
            "connection": short(environment.name),
        },
        "key": {
            "field": plan.heap_object.key_field(mapping.fields if mapping else ()),
            "columns": [short(column) for column in mapping.key_columns] if mapping else [],
        },
        **describe_mapping(mapping, limit),
        "signature": mapping.signature if mapping else None,
        "guards": _guards(plan.guards, limit),
        "max_rejected": plan.delivery.max_rejected,
        "state": state
        and {
            "table": short(state.table),
            "connection": short(state.conn_id),
            "full_sync": state.full_sync,
            "new_keys": new_keys,
        },
        "items_a_minute": plan.rate_limit,
    }


def _guards(guards: GuardSettings, limit: int) -> dict[str, Any]:
    """Return the guards that are set."""
    limits = {name: getattr(guards, name) for name in ("min_rows", "max_rows", "max_changed")}
    entry: dict[str, Any] = {name: value for name, value in limits.items() if value is not None}
    if guards.max_null:
        entry["max_null"] = [[truncate(name, limit), share] for name, share in guards.max_null.items()]
    if guards.unique_key:
        entry["unique_key"] = True
    return entry


def _drop_what_is_too_much(entry: dict[str, Any]) -> bool:
    """Drop the last properties, and then the last shares of ``max_null``. Return whether the rest is small enough."""
    too_much = len(json.dumps(entry)) + len("1000") - MAX_BYTES
    for pairs in (entry["properties"] or [], entry["guards"].get("max_null", [])):
        while too_much > 0 and pairs:
            too_much -= len(json.dumps(pairs.pop())) + len(", ")
            entry["properties_left_out"] += pairs is entry["properties"]
    return too_much <= 0
