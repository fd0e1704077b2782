"""What code asks a Heap object, so that it need not ask which one it is."""

from __future__ import annotations

import pytest

from airflow_provider_heap.api.objects import ACCOUNT, EVENT, OBJECTS, USER


@pytest.mark.parametrize("heap_object", OBJECTS, ids=lambda heap_object: heap_object.name)
def test_the_key_and_the_person_are_fields_of_the_item(heap_object):
    names = {field.name for field in heap_object.fields}
    assert {heap_object.key, *heap_object.person_fields} <= names


@pytest.mark.parametrize(
    ("heap_object", "required"), [(ACCOUNT, ["account_id"]), (USER, ["identity"]), (EVENT, ["event"])]
)
def test_heap_requires_these_fields_of_every_item(heap_object, required):
    assert [field.name for field in heap_object.fields if field.required] == required


def test_events_alone_are_written_once_under_a_derived_key():
    assert [heap_object for heap_object in OBJECTS if heap_object.derives_key] == [EVENT]
    assert [heap_object for heap_object in OBJECTS if heap_object.write_once] == [EVENT]
