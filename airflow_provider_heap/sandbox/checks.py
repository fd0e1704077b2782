"""Whether Heap would accept a request, as far as Heap's reference says."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow_provider_heap.api.objects import MAX_INTEGER, MAX_PROPERTY_LENGTH, PROPERTIES, Field, FieldKind, HeapObject

#: What the sandbox does in cases about which Heap documents nothing.
GUESSES = (
    "One bad item refuses its whole request with 400 and a text that names the item.",
    "Booleans, nulls and objects as property values are refused; Heap's reference names only numbers and strings.",
    "A repeated idempotency_key is answered 200 like a new one.",
    "Any App ID of digits is accepted; third parties say that Heap does the same.",
    "Users are deleted at once, and their events with them; the status says pending for some seconds all the same.",
    "A deletion of a user that Heap does not know is accepted.",
    "With --enforce-pace, items over Heap's limits are answered 429 with Retry-After.",
)


class RefusedError(Exception):
    """
    The request is answered 400.

    :param text: what is wrong, and where.
    """


def checked_items(heap_object: HeapObject, body: Any) -> list[dict[str, Any]]:
    """
    Check a request against the rules in Heap's reference, and return its items.

    :param heap_object: what the endpoint takes.
    :param body: the decoded JSON; a single call counts as a bulk call of one item.
    :raises RefusedError: when the request breaks a rule.
    """
    if not isinstance(body, dict):
        raise RefusedError("postBody should be object")
    app_id = body.get("app_id")
    # The token of a deletion stands for the App ID.
    if not heap_object.deletes and (not isinstance(app_id, str) or not (app_id.isascii() and app_id.isdigit())):
        raise RefusedError("postBody.app_id should be a string of digits")
    items = body.get(heap_object.array_name)
    if items is None:
        items = [{name: value for name, value in body.items() if name != "app_id"}]
    if not isinstance(items, list) or not items:
        raise RefusedError(f"postBody.{heap_object.array_name} should be a non-empty array")
    if len(items) > heap_object.max_items:
        raise RefusedError(f"postBody.{heap_object.array_name} should have at most {heap_object.max_items} items")
    for index, item in enumerate(items):
        _check_item(heap_object, item, f"postBody.{heap_object.array_name}[{index}]")
    return items


def _check_item(heap_object: HeapObject, item: Any, where: str) -> None:
    if not isinstance(item, dict):
        raise RefusedError(f"{where} should be object")
    for field in heap_object.fields:
        if field.name in item:
            _check_field(field, item[field.name], f"{where}.{field.name}")
        elif field.required:
            raise RefusedError(f"{where}.{field.name} is required")
    if sum(name in item for name in heap_object.person_fields) != 1:
        raise RefusedError(f"{where} should have exactly one of {', '.join(heap_object.person_fields)}")
    known = {field.name for field in heap_object.fields} | ({PROPERTIES} if heap_object.has_properties else set())
    unknown = item.keys() - known
    if unknown:
        raise RefusedError(f"{where} should not have {min(unknown)}")
    properties = item.get(PROPERTIES, {})
    if not isinstance(properties, dict):
        raise RefusedError(f"{where}.properties should be object")
    for name, value in properties.items():
        _check_property(heap_object, name, value, f"{where}.properties")


def _check_field(field: Field, value: Any, where: str) -> None:
    if not isinstance(value, str) or not value.strip():
        raise RefusedError(f"{where} should be a non-empty string")
    if _utf16_length(value) > field.max_length:
        raise RefusedError(f"{where} should have at most {field.max_length} characters")
    if field.kind is FieldKind.USER_ID and not (value.isascii() and value.isdigit() and int(value) <= MAX_INTEGER):
        raise RefusedError(f"{where} should be a number from 0 to 2^53 - 1")
    if field.kind is FieldKind.TIMESTAMP:
        try:
            timestamp = datetime.fromisoformat(value)
        except ValueError:
            raise RefusedError(f"{where} should be ISO 8601") from None
        if timestamp.tzinfo is None:
            raise RefusedError(f"{where} should have an offset")


def _check_property(heap_object: HeapObject, name: str, value: Any, where: str) -> None:
    if name.lower() in heap_object.reserved:
        raise RefusedError(f"{where}.{name} is not allowed")
    if _utf16_length(name) > MAX_PROPERTY_LENGTH:
        raise RefusedError(f"{where} should have names of fewer than {MAX_PROPERTY_LENGTH + 1} characters")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RefusedError(f"{where}.{name} should be a number or a string")
    if isinstance(value, str) and _utf16_length(value) > MAX_PROPERTY_LENGTH:
        raise RefusedError(f"{where}.{name} should have fewer than {MAX_PROPERTY_LENGTH + 1} characters")


def _utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
