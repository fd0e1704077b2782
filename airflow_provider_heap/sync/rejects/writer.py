"""The file of the rows that did not arrive: what is needed to mend them, and to send them again."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Sequence
from typing import IO, Any

import msgspec

from airflow_provider_heap.sync.items import InvalidRow


class RejectsWriter:
    """
    Writes JSON lines, one a row; opens the file with the first of them. Safe to use from several threads.

    Lines hold ``row`` (the row's number), ``kind`` (``invalid`` or ``rejected``) and ``reason``; then ``column`` (the
    one at fault) and ``values`` (the source's columns), or ``sync``, ``object``, ``item`` (the JSON that was sent) and
    ``answer`` (Heap's): all that :mod:`airflow_provider_heap.sync.rejects.reader` needs to send it again.

    :param open_file: opens the file for writing bytes; None keeps nothing.
    :param path: what the report calls the file.
    :param sync: the sync's name.
    :param heap_object: what the items are, by the name of the object.
    """

    def __init__(
        self,
        open_file: Callable[[], IO[bytes]] | None = None,
        path: str | None = None,
        sync: str = "",
        heap_object: str = "",
    ) -> None:
        self._open_file = open_file
        self._path = path
        self._whose = {"sync": sync, "object": heap_object}
        self._file: IO[bytes] | None = None
        self._lock = threading.Lock()

    @property
    def path(self) -> str | None:
        """The file's path; None as long as nothing was written."""
        return self._path if self._file else None

    def invalid(self, rows: Sequence[InvalidRow]) -> None:
        """
        Keep rows that could not become an item.

        :param rows: the rows, with their values.
        """
        for row in rows:
            line = {"row": row.number, "kind": "invalid", "reason": row.reason, "column": row.column}
            self._write({**line, "values": _readable(row.values)})

    def rejected(self, number: int, reason: str, item: bytes, answer: str) -> None:
        """
        Keep an item that Heap refused.

        :param number: the row's number.
        :param reason: the code under which it is counted.
        :param item: the JSON that was sent.
        :param answer: Heap's text.
        """
        line = {"row": number, "kind": "rejected", "reason": reason, **self._whose}
        self._write({**line, "item": msgspec.Raw(item), "answer": answer})

    def close(self) -> None:
        """Finish the file."""
        with self._lock:
            if self._file:
                self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        if self._open_file is None:
            return
        with self._lock:
            if self._file is None:
                self._file = self._open_file()
            self._file.write(msgspec.json.encode(line) + b"\n")


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
