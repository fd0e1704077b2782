"""A rejects file gives back the very items that were refused, those that are wanted, and nothing else."""

from __future__ import annotations

import io
import json

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_heap.api.idempotency import idempotency_key
from airflow_provider_heap.api.objects import EVENT, MAX_ITEMS, OBJECTS, USER
from airflow_provider_heap.api.response import Response
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.items import InvalidRow, ItemBatch, JsonLines
from airflow_provider_heap.sync.rejects.reader import RejectFilter, RejectsFile, read_chunks, summarize
from airflow_provider_heap.sync.rejects.writer import RejectsWriter

ALL = RejectFilter()


def file(*lines, name="1.jsonl"):
    """Return a rejects file of dicts, or of lines as they are."""
    data = b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    return RejectsFile(name, lambda: io.BytesIO(data))


def user(identity, row=1, reason="http_400", sync="people"):
    item = {"identity": identity, "properties": {}}
    return {"row": row, "kind": "rejected", "reason": reason, "sync": sync, "object": "user", "item": item}


def event(key, row=1, name="Order", **person):
    item = {"event": name, **(person or {"identity": "ada"}), "idempotency_key": key, "properties": {}}
    return {"row": row, "kind": "rejected", "reason": "http_400", "sync": "orders", "object": "event", "item": item}


INVALID = {"row": 3, "kind": "invalid", "reason": "identity_null", "column": "email", "values": {"email": None}}


def read(files, wanted=ALL, heap_object=USER):
    """Return row, key, person and body of each item that is read."""
    return [
        row
        for chunk in read_chunks(files, wanted, heap_object)
        for row in zip(chunk.items.numbers, chunk.items.keys, chunk.items.person_keys, chunk.items.bodies, strict=True)
    ]


def test_what_was_written_is_read_byte_for_byte(tmp_path):
    path = ObjectStoragePath(str(tmp_path / "1.jsonl"))
    bodies = [b'{"identity":"ada","properties":{"n":1.0,"a/b":"\xc3\xa9 "}}', b'{"identity":"bob" }']
    writer = RejectsWriter(path, "people", "user")
    writer.add_invalid([InvalidRow(2, "identity_null", "email", {"email": None})])
    writer.add_rejected(
        ItemBatch([7, 9], ["ada", "bob"], ["ada", "bob"], JsonLines.of(bodies), []), Response(400, "Bad")
    )
    writer.close()
    files = [RejectsFile(str(path), lambda: path.open("rb"))]
    assert read(files) == [(7, "ada", "ada", bodies[0]), (9, "bob", "bob", bodies[1])]
    assert summarize(files, ALL).chosen == {("people", "user"): 2}


@pytest.mark.parametrize("count", [0, 1, MAX_ITEMS - 1, MAX_ITEMS, MAX_ITEMS + 1, 2 * MAX_ITEMS, 2 * MAX_ITEMS + 1])
def test_items_come_in_full_chunks_in_the_order_of_the_files(count):
    half = count // 2
    files = [
        file(*(user(f"u{n}", n) for n in range(half)), name="a"),
        file(*(user(f"u{n}", n) for n in range(half, count)), name="b"),
    ]
    sizes = [len(chunk) for chunk in read_chunks(files, ALL, USER)]
    assert sizes == [MAX_ITEMS] * (count // MAX_ITEMS) + [count % MAX_ITEMS] * bool(count % MAX_ITEMS)
    assert [number for number, *_ in read(files)] == list(range(count))


def test_rows_that_never_became_an_item_are_counted_and_not_sent():
    files = [file(user("ada"), INVALID, user("bob"))]
    summary = summarize(files, RejectFilter(keys=frozenset({"ada"})))
    assert (summary.chosen, summary.others, summary.invalid) == ({("people", "user"): 1}, 1, 1)
    assert [key for _, key, *_ in read(files)] == ["ada", "bob"]


@pytest.mark.parametrize(
    ("wanted", "keys"),
    [
        (ALL, ["ada", "bob", "eve"]),
        (RejectFilter(reasons=frozenset({"http_400"})), ["ada", "eve"]),
        (RejectFilter(reasons=frozenset({"http_400", "http_500"})), ["ada", "bob", "eve"]),
        (RejectFilter(keys=frozenset({"bob", "nobody"})), ["bob"]),
        (RejectFilter(sync="others"), ["eve"]),
        (RejectFilter(frozenset({"http_500"}), frozenset({"ada"}), "people"), []),
    ],
)
def test_reasons_keys_and_sync_all_have_to_be_wanted(wanted, keys):
    files = [file(user("ada"), user("bob", reason="http_500"), user("eve", sync="others"))]
    assert [key for _, key, *_ in read(files, wanted)] == keys


def test_an_event_is_wanted_by_its_idempotency_key_or_by_the_insert_id_that_it_was_made_from():
    key = idempotency_key("Order", "42")
    files = [file(event(key), event("as-it-is"), event(idempotency_key("Refund", "42"), name="Refund"))]
    for wanted, found in (("42", 2), (key, 1), ("as-it-is", 1), ("43", 0)):
        assert sum(summarize(files, RejectFilter(keys=frozenset({wanted}))).chosen.values()) == found


def test_an_event_concerns_whom_it_names():
    files = [file(event("key-0001", identity="ada"), event("key-0002", user_id="12"))]
    assert [(key, person) for _, key, person, _ in read(files, ALL, EVENT)] == [("key-0001", "ada"), ("key-0002", "12")]


def test_keys_are_text_whatever_the_item_has():
    assert [key for _, key, *_ in read([file(user(42))])] == ["42"]


def test_the_one_sync_of_the_files_is_named_with_its_object():
    sync, heap_object, count = summarize([file(event("key-0001"), event("key-0002"))], ALL).only()
    assert (sync, heap_object, count) == ("orders", EVENT, 2)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([user("ada"), user("bob", sync="others")], r"1 user of sync 'people', 1 user of sync 'others'"),
        ([user("ada"), event("key-0001")], r"1 user of sync 'people', 1 event of sync 'orders'"),
        ([INVALID], "hold no item to send"),
        ([], "hold no item to send"),
    ],
)
def test_files_of_several_syncs_or_of_none_are_refused(lines, message):
    with pytest.raises(ModelError, match=message):
        summarize([file(*lines)], ALL).only()


def lacking(name):
    line = user("ada")
    del line[name]
    return line


@pytest.mark.parametrize(
    "line",
    [
        b"not JSON",
        b"",
        b"[]",
        b"\xff",
        {},
        {"row": 1},
        {"row": "1", "kind": "rejected", "reason": "http_400"},
        *(lacking(name) for name in ("row", "kind", "reason", "object", "item")),
        user("ada") | {"object": "group"},
        user("ada") | {"item": []},
        user("ada") | {"item": None},
        user("ada") | {"item": {}},
        user("ada") | {"item": "identity"},
        user("ada") | {"object": "account"},
        event("key-0001") | {"item": {"event": "E", "idempotency_key": "key-0001"}},
        event("key-0001") | {"item": {"identity": "ada", "idempotency_key": "key-0001"}},
    ],
    ids=repr,
)
def test_what_is_not_a_line_of_a_rejects_file_is_refused_with_its_place(line):
    files = [file(user("ada"), line, name="other.jsonl")]
    wanted = RejectFilter(keys=frozenset({"ada"}))
    for use in (lambda: summarize(files, wanted), lambda: read(files)):
        with pytest.raises(ModelError, match=r"^Line 2 of other\.jsonl is not a line of a rejects file"):
            use()


def test_lines_may_have_more_than_is_needed():
    assert len(read([file(user("ada") | {"answer": "Bad", "later": [1]})])) == 1


def test_files_are_closed_also_when_reading_ends_early():
    opened = []

    def open_file():
        opened.append(io.BytesIO(b"".join(json.dumps(user("ada")).encode() + b"\n" for _ in range(MAX_ITEMS + 1))))
        return opened[-1]

    chunks = read_chunks([RejectsFile("1.jsonl", open_file)], ALL, USER)
    next(chunks)
    assert not opened[0].closed
    chunks.close()
    del chunks
    assert opened[0].closed


def test_every_object_can_be_read_again():
    for heap_object in OBJECTS:
        names = [heap_object.key, heap_object.person_fields[0], "event"]
        item = dict.fromkeys(names, "value-01")
        line = user("") | {"object": heap_object.name, "item": item}
        assert [key for _, key, *_ in read([file(line)], ALL, heap_object)] == ["value-01"]
