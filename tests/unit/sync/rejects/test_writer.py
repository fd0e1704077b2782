"""The rejects file: tried at the start, given up when it fails, and never a reason to keep good rows back."""

from __future__ import annotations

import json
import os
from decimal import Decimal

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_heap.api.response import Response
from airflow_provider_heap.exceptions import ModelError, RejectsError
from airflow_provider_heap.sync.items import InvalidRow, ItemBatch, JsonLines
from airflow_provider_heap.sync.rejects.writer import RejectsWriter, open_new_file


def invalid(number, **values):
    return InvalidRow(number, "identity_null", "email", values)


def writer(path):
    return RejectsWriter(ObjectStoragePath(str(path)), "people.users", "user")


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_without_a_path_nothing_is_kept():
    nothing = RejectsWriter()
    nothing.probe()
    nothing.add_invalid([invalid(1)])
    nothing.close()
    nothing.raise_if_lost()
    assert nothing.path is None


def test_a_line_has_what_is_needed_to_correct_a_row_and_to_send_an_item_again(tmp_path):
    path = tmp_path / "folder" / "1.jsonl"
    rejects = writer(path)
    rejects.add_invalid([invalid(4, email=None, at=b"\x00", name="a\udc80")])
    rejects.add_rejected(
        ItemBatch([9], ["x"], ["x"], JsonLines.of([b'{"identity":"x"}']), []), Response(400, "Bad Request")
    )
    rejects.close()
    first, second = lines(path)
    assert first["values"] == {"email": None, "at": "base64:AA==", "name": "a\\udc80"}
    assert second == {
        "row": 9,
        "kind": "rejected",
        "reason": "http_400",
        "sync": "people.users",
        "object": "user",
        "item": {"identity": "x"},
        "answer": "Bad Request",
    }
    assert rejects.path == str(path)


def test_a_value_that_contains_itself_is_named_by_its_type(tmp_path):
    endless = []
    endless.append(endless)
    rejects = writer(tmp_path / "1.jsonl")
    rejects.add_invalid([invalid(1, deep=endless)])
    rejects.close()
    assert lines(tmp_path / "1.jsonl")[0]["values"] == {"deep": "list"}


def test_the_folder_is_tried_at_the_start_and_nothing_is_left_in_it(tmp_path):
    rejects = writer(tmp_path / "new" / "1.jsonl")
    rejects.probe()
    assert list((tmp_path / "new").iterdir()) == []
    assert rejects.path is None


def test_a_folder_that_cannot_be_written_is_refused_by_name(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match=r"rejects_path: .*file/1\.jsonl cannot be written"):
        writer(tmp_path / "file" / "1.jsonl").probe()


class Bucket:
    """A path on storage of another machine, where every bucket but ``there`` is missing, or nothing may be listed."""

    protocol = "s3"

    def __init__(self, path, error=None):
        self.path = path
        self.error = error
        self.created = []

    @property
    def fs(self):
        return self

    @property
    def parent(self):
        return self

    def __truediv__(self, name):
        return self

    def __str__(self):
        return f"s3://{self.path}"

    def exists(self, bucket):
        if self.error:
            raise self.error
        return bucket == "there"

    def mkdir(self, parents, exist_ok):
        self.created.append(self.path)

    def open(self, mode):
        return open(os.devnull, mode)

    def unlink(self):
        raise PermissionError("may not delete")


def test_a_bucket_that_is_missing_is_never_created():
    bucket = Bucket("typo/rejects/1.jsonl")
    with pytest.raises(ModelError, match="s3://typo does not exist"):
        RejectsWriter(bucket).probe()
    assert bucket.created == []


def test_a_role_that_may_only_write_objects_can_be_used():
    bucket = Bucket("there/rejects/1.jsonl", PermissionError("may not list"))
    RejectsWriter(bucket).probe()
    assert bucket.created == []


def test_storage_that_is_away_is_worth_a_retry():
    with pytest.raises(RejectsError, match="rejects_path"):
        RejectsWriter(Bucket("there/1.jsonl", ConnectionError("away"))).probe()


def test_a_disk_that_fills_up_is_told_at_the_end_with_the_rows_that_are_only_counted(tmp_path, monkeypatch):
    rejects = writer(tmp_path / "1.jsonl")
    rejects.add_invalid([invalid(1)])

    def full(line):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rejects, "_file", type("Full", (), {"write": staticmethod(full), "closed": True})())
    for number in range(2, 5):
        rejects.add_invalid([invalid(number)])
    rejects.close()
    with pytest.raises(RejectsError, match=r"rejects_path: .*No space left.*3 rows that did not arrive are counted"):
        rejects.raise_if_lost()
    assert [line["row"] for line in lines(tmp_path / "1.jsonl")] == [1]


def test_folders_are_created_on_this_machine(tmp_path):
    with open_new_file(ObjectStoragePath(str(tmp_path / "a" / "b" / "c.json"))) as file:
        file.write(b"{}")
    assert (tmp_path / "a" / "b" / "c.json").read_bytes() == b"{}"
    assert isinstance(ObjectStoragePath(str(tmp_path)).fs, LocalFileSystem)


def test_a_file_that_cannot_be_finished_is_told_at_the_end(tmp_path, monkeypatch):
    rejects = writer(tmp_path / "1.jsonl")
    rejects.add_invalid([invalid(1)])

    class Failing:
        closed = False

        def close(self):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(rejects, "_file", Failing())
    rejects.close()
    with pytest.raises(RejectsError, match=r"Input/output error.*0 rows that did not arrive are counted"):
        rejects.raise_if_lost()


def test_values_can_be_recognised_whatever_the_database_returned(tmp_path):
    rejects = writer(tmp_path / "1.jsonl")
    values = {"list": [1, (2.5, None)], "dict": {7: Decimal("1.50")}, "nan": float("nan"), "big": 2**70, "yes": True}
    rejects.add_invalid([invalid(1, **values)])
    rejects.close()
    assert lines(tmp_path / "1.jsonl")[0]["values"] == {
        "list": [1, [2.5, None]],
        "dict": {"7": "1.50"},
        "nan": "nan",
        "big": 2**70,
        "yes": True,
    }
