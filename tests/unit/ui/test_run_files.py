"""Files are opened below configured folders only, within limits."""

from __future__ import annotations

import json
import threading

import pytest

from airflow_provider_heap.ui import run_files
from airflow_provider_heap.ui.run_files import FileNotShownError, Instance, locate, read_payload, read_rejects

INSTANCE = Instance("crm", "users", "manual__2026-11-27T09:00:00+00:00", -1)
BELOW = f"crm/users/{INSTANCE.run_id}/try-2.jsonl"


@pytest.mark.parametrize(
    ("reported", "root", "path"),
    [
        (f"/data/{BELOW}", "/data", f"/data/{BELOW}"),
        (f"/data/{BELOW}", "/data/", f"/data/{BELOW}"),
        (f"file:///data/{BELOW}", "/data", f"/data/{BELOW}"),
        (f"/data/team/a/{BELOW}", "file:///data", f"/data/team/a/{BELOW}"),
        (f"memory://bucket/{BELOW}", "memory://bucket", f"bucket/{BELOW}"),
        (f"memory://workers@bucket/heap/{BELOW}", "memory://bucket/heap", f"bucket/heap/{BELOW}"),
    ],
)
def test_a_file_below_a_root_is_found_with_the_connection_of_the_root(reported, root, path):
    assert locate(reported, INSTANCE, ".jsonl", ["/elsewhere", root]).path.strip("/") == path.strip("/")


@pytest.mark.parametrize(
    ("map_index", "name", "owned"),
    [
        (-1, "try-1.jsonl", True),
        (-1, "-1-12.jsonl", True),
        (-1, "map-0-try-1.jsonl", False),
        (3, "map-3-try-1.jsonl", True),
        (3, "3-1.jsonl", True),
        (3, "map-33-try-1.jsonl", False),
        (3, "try-1.jsonl", False),
        (-1, "try-1.jsonl.bak", False),
        (-1, "xtry-1.jsonl", False),
        (-1, "try-01.jsonl", False),
    ],
)
def test_a_task_instance_owns_the_files_of_its_tries(map_index, name, owned):
    instance = Instance("d", "t", "r", map_index)
    assert instance.owns(["d", "t", "r", name], ".jsonl") is owned
    assert not instance.owns(["e", "t", "r", name], ".jsonl")


def test_an_instance_without_a_file_says_what_to_do():
    with pytest.raises(FileNotShownError, match="set the parameter rejects_path") as caught:
        locate(None, INSTANCE, ".jsonl", ["/data"])
    assert caught.value.code == "none"


def located(tmp_path, text):
    """Write a file where the instance has it, and locate it."""
    path = tmp_path / BELOW
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return locate(str(path), INSTANCE, ".jsonl", [str(tmp_path)])


LINE = json.dumps({"row": 1, "kind": "invalid", "reason": "x", "values": {"a": 1}}) + "\n"


@pytest.mark.parametrize(
    ("text", "count", "more"),
    [("", 0, False), (LINE, 1, False), (LINE * 3, 2, True), (LINE * 2, 2, False), (LINE + LINE[:9], 1, True)],
)
def test_a_file_is_read_up_to_a_number_of_rows(tmp_path, text, count, more):
    rows = read_rejects(located(tmp_path, text), count=2)
    assert (len(rows.rows), rows.more) == (count, more)


def test_a_file_is_read_up_to_a_number_of_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(run_files, "MAX_BYTES", 2 * len(LINE))
    rows = read_rejects(located(tmp_path, LINE * 5), reason="y")
    assert (rows.rows, rows.more) == ([], True)


@pytest.mark.parametrize("text", ["root:x:0:0:root\n", '{"password": "secret"}\n', "[]\n"])
def test_a_file_that_is_not_a_rejects_file_shows_nothing_of_itself(tmp_path, text):
    with pytest.raises(FileNotShownError, match=r"^The file is not a rejects file\.$"):
        read_rejects(located(tmp_path, text))


def test_a_storage_that_does_not_answer_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(run_files, "TIMEOUT", 0.05)
    answer = threading.Event()

    class Storage:
        """Answers when the test is over."""

        def open(self, _):
            answer.wait(30)
            raise OSError

    try:
        with pytest.raises(FileNotShownError, match="did not answer") as caught:
            read_rejects(Storage())
    finally:
        answer.set()
    assert caught.value.code == "timeout"


def test_what_a_storage_says_is_not_shown(monkeypatch):
    class Storage:
        """Names a secret when it fails."""

        def open(self, _):
            raise PermissionError("key AKIA123 of 10.0.0.1")

    with pytest.raises(FileNotShownError, match="PermissionError") as caught:
        read_rejects(Storage())
    assert "AKIA" not in str(caught.value)


def test_a_long_request_is_shown_in_part(tmp_path, monkeypatch):
    monkeypatch.setattr(run_files, "MAX_SHOWN", 10)
    (tmp_path / "000007.json").write_text("x" * 50)
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    payload = read_payload(ObjectStoragePath(str(tmp_path)), 7)
    assert (payload.number, payload.bytes, payload.text) == (7, 50, "x" * 10)


@pytest.mark.parametrize(
    ("value", "roots"),
    [("", ()), ("/a", ("/a",)), ("/a, s3://aws@b/c", ("/a", "s3://aws@b/c")), ("/a\n/b", ("/a", "/b"))],
)
def test_roots_are_separated_by_commas_or_lines(monkeypatch, value, roots):
    monkeypatch.setenv("AIRFLOW__HEAP__REJECTS_ROOTS", value)
    assert run_files.configured_roots() == roots
