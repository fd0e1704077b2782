"""What code asks a Heap object, so that it need not ask which one it is."""

from __future__ import annotations

import pytest

from airflow_provider_heap.api.objects import ACCOUNT, EVENT, OBJECTS, USER, USER_DELETION


@pytest.mark.parametrize("heap_object", OBJECTS, ids=lambda heap_object: heap_object.name)
def test_the_key_and_the_person_are_fields_of_the_item(heap_object):
    names = {field.name for field in heap_object.fields}
    assert {heap_object.key, *heap_object.person_fields} <= names


@pytest.mark.parametrize(
    ("heap_object", "required"), [(ACCOUNT, ["account_id"]), (USER, ["identity"]), (EVENT, ["event"])]
)
def test_heap_requires_these_fields_of_every_item(heap_object, required):
    assert [field.name for field in heap_object.fields if field.required] == required


def test_events_alone_have_a_derived_key_and_need_no_hold():
    assert [heap_object for heap_object in OBJECTS if heap_object.derives_key] == [EVENT]
    assert [heap_object for heap_object in OBJECTS if not heap_object.exclusive] == [EVENT]
    assert [heap_object for heap_object in OBJECTS if heap_object.write_once] == [EVENT, USER_DELETION]


def test_a_deletion_takes_ten_thousand_users_and_no_properties():
    assert [heap_object for heap_object in OBJECTS if heap_object.deletes] == [USER_DELETION]
    assert (USER_DELETION.max_items, USER_DELETION.has_properties) == (10_000, False)
    assert {heap_object.max_items for heap_object in OBJECTS if heap_object.has_properties} == {1000}


@pytest.mark.parametrize(
    ("heap_object", "fields", "key"),
    [
        (USER, {"identity": "ada"}, "ada"),
        (ACCOUNT, {"account_id": "7"}, "7"),
        (EVENT, {"identity": "ada", "idempotency_key": "k"}, "k"),
        (USER_DELETION, {"identity": "7"}, "7"),
        (USER_DELETION, {"user_id": "7"}, "user_id\x1f7"),
    ],
)
def test_a_user_id_and_an_identity_of_the_same_digits_have_different_keys(heap_object, fields, key):
    assert heap_object.key_of(fields) == key
