"""What waits on disk comes back as it was, in order, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.sync.delivery import spool as spools
from airflow_provider_heap.sync.delivery.spool import Spool
from airflow_provider_heap.sync.items import ItemBatch, JsonLines

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
batches = st.lists(
    st.tuples(st.integers(1, 10**12), texts, texts, st.binary(max_size=9).filter(lambda data: b"\n" not in data)),
    min_size=1,
    max_size=5,
).map(lambda rows: ItemBatch(*map(list, list(zip(*rows, strict=True))[:3]), JsonLines.of(row[3] for row in rows)))


def batch(size, item=b"{}"):
    keys = [f"key {n}" for n in range(size)]
    return ItemBatch(range(1, size + 1), keys, keys, JsonLines.of([item] * size))


def columns(items):
    return list(items.numbers), list(items.keys), list(items.person_keys), list(items.bodies)


@given(st.lists(batches | st.none()))
def test_batches_come_back_as_they_were_first_in_first_out(steps):
    spool, expected = Spool(), deque()
    spools.FILE_SIZE, before = 100, spools.FILE_SIZE
    try:
        for step in steps:
            if step is not None:
                assert spool.put(step)
                expected.append(step)
            elif expected:
                assert columns(spool.get()) == columns(expected.popleft())
            assert spool.items == sum(map(len, expected))
        while expected:
            assert columns(spool.get()) == columns(expected.popleft())
        assert (spool.items, spool.bytes) == (0, 0)
    finally:
        spools.FILE_SIZE = before
        spool.close()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of its own for the spool's files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_no_file_can_be_seen_by_others(folder):
    spool = Spool()
    spool.put(batch(1000))
    assert list(folder.iterdir()) == []
    spool.close()


def test_a_killed_process_leaves_no_file_behind(folder):
    code = (
        "import os, signal\n"
        "from airflow_provider_heap.sync.delivery.spool import Spool\n"
        "from airflow_provider_heap.sync.items import ItemBatch\n"
        "from airflow_provider_heap.sync.items import JsonLines\n"
        "Spool().put(ItemBatch([1], ['k'], ['k'], JsonLines.of([b'x' * 10**7])))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(folder)}, check=False)
    assert killed.returncode == -9
    assert list(folder.iterdir()) == []


def test_the_disk_is_given_back_while_batches_are_taken(folder, monkeypatch):
    monkeypatch.setattr(spools, "FILE_SIZE", 10_000)
    spool = Spool()
    for _ in range(50):
        spool.put(batch(10, b"x" * 1000))
    held = len(spool._files)
    for _ in range(40):
        spool.get()
    assert held >= 40
    assert len(spool._files) <= 11
    spool.close()


def test_a_full_disk_takes_nothing_and_loses_nothing(folder, monkeypatch):
    spool = Spool()
    first, second, third = batch(3), batch(5), batch(7)
    assert spool.put(first)
    room = spools.os.pwrite

    def full_after_a_few_bytes(file, data, place):
        if len(data) <= 10:
            raise OSError(spools.ENOSPC, "No space left on device")
        return room(file, data[:10], place)

    monkeypatch.setattr(spools.os, "pwrite", full_after_a_few_bytes)
    assert not spool.put(second)
    monkeypatch.setattr(spools.os, "pwrite", room)
    assert spool.put(third)
    assert [columns(spool.get()), columns(spool.get())] == [columns(first), columns(third)]
    spool.close()


def test_a_part_of_the_disk_is_left_to_others(folder, monkeypatch):
    monkeypatch.setattr(spools, "FREE_SHARE", 1.0)
    monkeypatch.setattr(spools, "FREE_BYTES", 10**18)
    assert not Spool().put(batch(1))


def test_a_disk_that_fails_is_an_error(folder, monkeypatch):
    def fail(*args):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(spools.os, "pwrite", fail)
    with pytest.raises(OSError, match="Input/output"):
        Spool().put(batch(1))


def test_a_disk_may_give_what_it_holds_in_pieces(folder, monkeypatch):
    spool, read = Spool(), spools.os.pread
    spool.put(batch(20))
    monkeypatch.setattr(spools.os, "pread", lambda file, length, place: read(file, min(length, 3), place))
    assert columns(spool.get()) == columns(batch(20))


def test_a_file_that_was_cut_off_is_an_error_and_not_waited_for(folder):
    spool = Spool()
    spool.put(batch(20))
    os.truncate(spool._files[0].file.fileno(), 30)
    with pytest.raises(OSError, match="shorter than what was written"):
        spool.get()
