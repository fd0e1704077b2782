"""
Batches that wait on local disk, first in, first out, because Heap takes them slower than the model gives them.

The files have no name, so nobody else reads them and nothing is left behind: they are gone when they are closed, and
the system removes them with a process that was killed.
"""

from __future__ import annotations

import os
import shutil
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from errno import EDQUOT, EFBIG, EIO, ENOSPC
from tempfile import TemporaryFile, gettempdir
from typing import IO

import msgspec

from airflow_provider_heap.sync.items import ItemBatch, JsonLines

#: Bytes of a file. Each is removed when its batches are taken, so the disk is given back while they are sent.
FILE_SIZE = 64_000_000
#: What is left free for others on the disk: this share of it, but no more than so many bytes.
FREE_SHARE, FREE_BYTES = 0.05, 1_000_000_000

_LENGTH_BYTES = 8
_FULL = frozenset({ENOSPC, EDQUOT, EFBIG})
_Record = tuple[Sequence[int], Sequence[str], Sequence[str] | None, bytes, Sequence[bool]]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[list[int], list[str], list[str] | None, bytes, list[bool]]).decode


@dataclass
class _File:
    """A file that is written at its end and read from its start."""

    file: IO[bytes]
    written: int = 0
    read: int = 0


class Spool:
    """A queue of batches on disk. Not safe to use from several threads at once."""

    def __init__(self) -> None:
        #: Items that wait, and the bytes that they take.
        self.items = 0
        self.bytes = 0
        self._files: deque[_File] = deque()

    @property
    def folder(self) -> str:
        """Where the files are; ``TMPDIR`` names another place."""
        return gettempdir()

    def put(self, batch: ItemBatch) -> bool:
        """
        Write a batch behind the others.

        :param batch: the next items of the query.
        :return: False when the disk is full; then nothing was written.
        :raises OSError: when the disk fails in another way.
        """
        person_keys = None if batch.person_keys == batch.keys else batch.person_keys
        record: _Record = ([*batch.numbers], batch.keys, person_keys, batch.bodies.lines, batch.recorded)
        data = _encode(record)
        data = len(data).to_bytes(_LENGTH_BYTES, "big") + data
        disk = shutil.disk_usage(self.folder)
        if disk.free - len(data) < min(disk.total * FREE_SHARE, FREE_BYTES):
            return False
        try:
            if not self._files or self._files[-1].written >= FILE_SIZE:
                self._files.append(_File(TemporaryFile(buffering=0)))  # noqa: SIM115
            self._write(self._files[-1], data)
        except OSError as error:
            if error.errno in _FULL:
                return False
            raise
        self.items += len(batch)
        self.bytes += len(data)
        return True

    def get(self) -> ItemBatch:
        """
        Take the first of the batches, of which there must be one.

        :raises OSError: when the disk fails.
        """
        first = self._files[0]
        length = int.from_bytes(self._read(first, _LENGTH_BYTES), "big")
        numbers, keys, person_keys, lines, recorded = _decode(self._read(first, length))
        if first.read == first.written:
            self._files.popleft().file.close()
        self.items -= len(keys)
        self.bytes -= _LENGTH_BYTES + length
        bodies = JsonLines(lines, len(keys))
        return ItemBatch(numbers, keys, keys if person_keys is None else person_keys, bodies, recorded)

    def close(self) -> None:
        """Remove all that waits."""
        while self._files:
            self._files.popleft().file.close()
        self.items = self.bytes = 0

    @staticmethod
    def _write(to: _File, data: bytes) -> None:
        place, rest = to.written, memoryview(data)
        while rest:
            count = os.pwrite(to.file.fileno(), rest, place)
            place, rest = place + count, rest[count:]
        # Only now: what a full disk took of a batch is written over.
        to.written = place

    @staticmethod
    def _read(of: _File, length: int) -> bytes:
        data = b""
        while len(data) < length:
            part = os.pread(of.file.fileno(), length - len(data), of.read + len(data))
            if not part:
                raise OSError(EIO, "A file of rows that wait for Heap is shorter than what was written")
            data += part
        of.read += length
        return data
