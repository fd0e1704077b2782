"""The file of the rows that did not arrive: what is needed to correct them, and to send them again."""

from __future__ import annotations

import base64
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any
from uuid import uuid4

import msgspec

from airflow_provider_heap.api.response import Response
from airflow_provider_heap.exceptions import HeapError, ModelError, RejectsError
from airflow_provider_heap.sync.items import InvalidRow, ItemBatch
from airflow_provider_heap.sync.plan import StoragePath

#: Schemes of the file systems of this machine.
LOCAL_PROTOCOLS = frozenset({"", "file", "local", "memory"})


class RejectsWriter:
    """
    Write JSON lines, one a row; the file is created with the first of them. Safe to use from several threads.

    Lines hold ``row`` (the row's number), ``kind`` (``invalid`` or ``rejected``) and ``reason``; then ``column`` (the
    one at fault) and ``values`` (the source's columns), or ``sync``, ``object``, ``item`` (the JSON that was sent) and
    ``answer`` (Heap's): all that :mod:`airflow_provider_heap.sync.rejects.reader` needs to send it again.

    When the file fails it is given up: further lines are counted, and :meth:`raise_if_lost` says so at the end. So no
    good row waits for the file. ``_lock`` guards ``_file``, ``_error`` and ``_lost``.

    :param path: the file; None keeps nothing.
    :param sync: the sync's name.
    :param object_name: name of the Heap object that the items are.
    """

    def __init__(self, path: StoragePath | None = None, sync: str = "", object_name: str = "") -> None:
        self._path = path
        self._origin = {"sync": sync, "object": object_name}
        self._file: IO[bytes] | None = None
        self._error: Exception | None = None
        self._lost = 0
        self._lock = threading.Lock()

    @property
    def path(self) -> str | None:
        """The file's path; None as long as nothing was written."""
        return str(self._path) if self._file else None

    def probe(self) -> None:
        """
        Create the folder, and see whether a file can be written there.

        :raises ModelError: when it cannot be: an unknown scheme, a bucket that does not exist, missing rights.
        :raises RejectsError: when the storage cannot be reached.
        """
        if self._path is None:
            return
        try:
            probe = self._path.parent / f".probe-{uuid4().hex}"
            with open_new_file(probe):
                pass
            with suppress(Exception):  # a role may be allowed to write objects, but not to delete them
                probe.unlink()
        except Exception as error:
            message = (
                f"rejects_path: {self._path} cannot be written ({type(error).__name__}: {error}). Nothing was read or "
                "sent. Name a folder that the task may write to; a bucket must exist"
            )
            raise (RejectsError if _may_pass(error) else ModelError)(f"{message}.") from error

    def add_invalid(self, rows: Sequence[InvalidRow]) -> None:
        """
        Keep rows that could not become an item.

        :param rows: the rows, with their values.
        """
        self._write(
            {
                "row": row.number,
                "kind": "invalid",
                "reason": row.reason,
                "column": row.column,
                "values": _readable_row(row.values),
            }
            for row in rows
        )

    def add_rejected(self, items: ItemBatch, response: Response) -> None:
        """
        Keep items that Heap refused.

        :param items: the items.
        :param response: Heap's.
        """
        self._write(
            {
                "row": number,
                "kind": "rejected",
                "reason": response.reason_code,
                **self._origin,
                "item": msgspec.Raw(body),
                "answer": response.text,
            }
            for number, body in zip(items.numbers, items.bodies, strict=True)
        )

    def raise_if_lost(self) -> None:
        """
        Do nothing, or say which rows are only counted.

        :raises RejectsError: when the file failed.
        """
        with self._lock:
            if self._error is None:
                return
            rows = f"{self._lost:,} row{' that did not arrive is' if self._lost == 1 else 's that did not arrive are'}"
            raise RejectsError(
                f"rejects_path: {self._path} could not be written to its end ({type(self._error).__name__}: "
                f"{self._error}). All good rows were delivered; {rows} counted, but not in the file. Make room, or "
                "name another folder, and run the task again: these rows come up again."
            ) from self._error

    def close(self) -> None:
        """Finish the file."""
        with self._lock:
            if self._file is not None and not self._file.closed:
                try:
                    self._file.close()
                except Exception as error:
                    self._error = self._error or error

    def _write(self, lines: Any) -> None:
        if self._path is None:
            return
        data = [msgspec.json.encode(line) + b"\n" for line in lines]
        if not data:
            return
        with self._lock:
            if self._error is None:
                try:
                    if self._file is None:
                        self._file = open_new_file(self._path)
                    for line in data:
                        self._file.write(line)
                    self._file.flush()
                    return
                except Exception as error:
                    self._error = error
            self._lost += len(data)


def open_new_file(path: StoragePath) -> IO[bytes]:
    """
    Open a file for writing; its folders are created where they are missing, but never a bucket.

    :param path: the file.
    :raises FileNotFoundError: when the bucket, or the first folder on another machine, does not exist.
    """
    if path.protocol not in LOCAL_PROTOCOLS:
        first = path.path.strip("/").partition("/")[0]
        with suppress(PermissionError):  # a role may be allowed to write objects, but not to look at the bucket
            if not path.fs.exists(first):
                raise FileNotFoundError(f"{path.protocol}://{first} does not exist")
            path.parent.mkdir(parents=True, exist_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("wb")


def _may_pass(error: Exception) -> bool:
    """Return whether an error may be gone at the next try: the storage was away, rather than named wrongly."""
    if isinstance(error, HeapError | FileNotFoundError | PermissionError | NotADirectoryError | IsADirectoryError):
        return False
    return isinstance(error, ConnectionError | TimeoutError) or "Connect" in type(error).__name__


def _readable_row(values: dict[str, object]) -> Any:
    try:
        return _readable(values)
    except RecursionError:  # a value that contains itself
        return {name: _readable(type(value).__name__) for name, value in values.items()}


def _readable(value: Any) -> Any:
    """Return something that JSON can hold and a person can recognise, whatever the database returned."""
    if isinstance(value, dict):
        return {_readable(str(key)): _readable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_readable(inner) for inner in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return "base64:" + base64.b64encode(bytes(value)).decode()
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if value is None or type(value) in (bool, int):
        return value
    if type(value) is float and value - value == 0:
        return value
    return _readable(str(value))
