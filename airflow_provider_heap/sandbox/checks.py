"""Whether a request is one that Heap would take."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow_provider_heap.api.objects import MAX_INTEGER, MAX_ITEMS, MAX_PROPERTY_LENGTH, Field, FieldKind, HeapObject

#: What the sandbox does although Heap documents nothing about it.
GUESSES = (
    "One bad item refuses its whole request with 400 and a text that names the item.",
    "Booleans, nulls and objects as property values are refused; Heap names numbers and strings alone.",
    "A repeated idempotency_key is answered 200 like a new one.",
    "Any digits-only App ID is taken; so does Heap, as third parties say.",
    "With --enforce-pace, items over Heap's limits are answered 429 with Retry-After.",
)


class Refused(Exception):
    """
    The request is answered 400.

    :param text: what is wrong, and where.
    """


def items_of(heap_object: HeapObject, body: Any) -> list[dict[str, Any]]:
    """
    Check a request as Heap's reference words its rules.

    :param heap_object: what the endpoint takes.
    :param body: the decoded JSON.
    :return: its items; a single call is a bulk call of one.
    :raises Refused: when the request breaks a rule.
    """
    if not isinstance(body, dict):
        raise Refused("postBody should be object")
    app_id = body.get("app_id")
    if not isinstance(app_id, str) or not (app_id.isascii() and app_id.isdigit()):
        raise Refused("postBody.app_id should be a string of digits")
    items = body.get(heap_object.array_name)
    if items is None:
        items = [{name: value for name, value in body.items() if name != "app_id"}]
    if not isinstance(items, list) or not items:
        raise Refused(f"postBody.{heap_object.array_name} should be a non-empty array")
    if len(items) > MAX_ITEMS:
        raise Refused(f"postBody.{heap_object.array_name} should have at most {MAX_ITEMS} items")
    for place, item in enumerate(items):
        _check_item(heap_object, item, f"postBody.{heap_object.array_name}[{place}]")
    return items


def _check_item(heap_object: HeapObject, item: Any, where: str) -> None:
    if not isinstance(item, dict):
        raise Refused(f"{where} should be object")
    for field in heap_object.fields:
        if field.name in item:
            _check_field(field, item[field.name], f"{where}.{field.name}")
        elif field.required:
            raise Refused(f"{where}.{field.name} is required")
    if sum(name in item for name in heap_object.person_fields) != 1:
        raise Refused(f"{where} should have exactly one of {', '.join(heap_object.person_fields)}")
    unknown = item.keys() - {field.name for field in heap_object.fields} - {"properties"}
    if unknown:
        raise Refused(f"{where} should not have {min(unknown)}")
    properties = item.get("properties", {})
    if not isinstance(properties, dict):
        raise Refused(f"{where}.properties should be object")
    for name, value in properties.items():
        _check_property(heap_object, name, value, f"{where}.properties")


def _check_field(field: Field, value: Any, where: str) -> None:
    if not isinstance(value, str) or not value.strip():
        raise Refused(f"{where} should be a non-empty string")
    if _length(value) > field.max_length:
        raise Refused(f"{where} should have at most {field.max_length} characters")
    if field.kind is FieldKind.USER_ID and not (value.isascii() and value.isdigit() and int(value) <= MAX_INTEGER):
        raise Refused(f"{where} should be a number from 0 to 2^53 - 1")
    if field.kind is FieldKind.TIMESTAMP:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise Refused(f"{where} should be ISO 8601") from None
        if moment.tzinfo is None:
            raise Refused(f"{where} should have an offset")


def _check_property(heap_object: HeapObject, name: str, value: Any, where: str) -> None:
    if name.lower() in heap_object.reserved:
        raise Refused(f"{where}.{name} is not allowed")
    if _length(name) > MAX_PROPERTY_LENGTH:
        raise Refused(f"{where} should have names of fewer than {MAX_PROPERTY_LENGTH + 1} characters")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Refused(f"{where}.{name} should be a number or a string")
    if isinstance(value, str) and _length(value) > MAX_PROPERTY_LENGTH:
        raise Refused(f"{where}.{name} should have fewer than {MAX_PROPERTY_LENGTH + 1} characters")


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
