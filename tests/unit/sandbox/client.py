"""Requests to the sandbox, as tests make them."""

from __future__ import annotations

import requests

from airflow_provider_heap.api.objects import Field, FieldKind, HeapObject

#: Two objects that Heap does not have, one of each sort.
REFUND = HeapObject(
    name="refund",
    endpoint="/api/refund",
    array_name="refunds",
    fields=(Field("refund_id", FieldKind.KEY, 255, required=True), Field("identity", FieldKind.KEY, 255)),
    key="refund_id",
    behaviour="send",
    person_fields=("identity",),
    write_once=True,
)
DEVICE = HeapObject(
    name="device",
    endpoint="/api/add_device_properties",
    array_name="devices",
    fields=(Field("device_id", FieldKind.KEY, 255, required=True),),
    key="device_id",
    behaviour="update or create",
    person_fields=("device_id",),
)


def post(sandbox, heap_object, *items, app_id="123"):
    """Send items in bulk; returns the answer."""
    body = {"app_id": app_id, heap_object.array_name: items}
    return requests.post(sandbox.url + heap_object.endpoint, json=body, timeout=120)


def event(**fields):
    """Return an event that Heap accepts."""
    return {"event": "Order", "identity": "ada", **fields}
