"""
Read rejects files and the requests of a dry run, on behalf of somebody who looks at the page.

Both are personal data, and where they are was reported by an XCom that others than the sync may write. So only files
below a root that the deployment names are opened, and only those whose path ends in the task instance that the user may
edit. The path itself is put together anew from the root and checked names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec
from airflow.providers.common.compat.sdk import ObjectStoragePath, conf

from airflow_provider_heap.run_files import try_name

T = TypeVar("T")

#: Rows of one answer.
MAX_ROWS = 200
#: Bytes of a rejects file that are read for one answer, and of a request that are shown.
MAX_BYTES = 50_000_000
MAX_SHOWN = 200_000
#: Seconds that a storage may take.
TIMEOUT = 15.0

_LOCAL = ("file", "local")
_UNSAFE = re.compile(r"[\x00-\x1f\\]")
#: Storages that do not answer hold up these threads, and no other part of the API server.
_threads = ThreadPoolExecutor(4, thread_name_prefix="heap-page-files")


class FileNotShownError(Exception):
    """
    A file that the page does not show; the message is for the user.

    :param code: a word for the page.
    :param message: what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Instance:
    """
    The task instance that a user may look at.

    :param dag_id: the DAG.
    :param task_id: the task.
    :param run_id: the DAG run.
    :param map_index: below 0 when the task is not mapped.
    """

    dag_id: str
    task_id: str
    run_id: str
    map_index: int

    def owns(self, parts: Sequence[str], suffix: str) -> bool:
        """
        Return whether the last parts of a path are those of a try of this task instance.

        :param parts: of the path.
        :param suffix: how the name must end.
        """
        match = re.search(r"-([1-9]\d{0,5})$", parts[-1].removesuffix(suffix))
        if match is None or tuple(parts[-4:-1]) != (self.dag_id, self.task_id, self.run_id):
            return False
        # Older files are named <map index>-<try>.
        names = try_name(self.map_index, int(match[1])), f"{self.map_index}-{match[1]}"
        return parts[-1] in [f"{name}{suffix}" for name in names]


class RejectedRow(msgspec.Struct, kw_only=True):
    """A line of a rejects file, for the page."""

    row: int
    kind: str
    reason: str
    column: str | None = None
    object: str | None = None
    values: msgspec.Raw = msgspec.Raw(b"null")
    item: msgspec.Raw = msgspec.Raw(b"null")
    answer: str | None = None


class RejectedRows(msgspec.Struct):
    """
    Rows that did not arrive.

    :param rows: the first of them.
    :param more: whether the file has more, or was not read to its end.
    """

    rows: list[RejectedRow]
    more: bool


class Payload(msgspec.Struct):
    """
    A request of a dry run.

    :param number: which one, from 1 on.
    :param bytes: its size; None when it is longer than what is read.
    :param text: its body, or the beginning of it.
    """

    number: int
    bytes: int | None
    text: str


def configured_roots() -> tuple[str, ...]:
    """Return the folders of ``[heap] rejects_roots``."""
    return tuple((conf.get("heap", "rejects_roots", fallback="") or "").replace(",", " ").split())


def locate(reported: str | None, instance: Instance, suffix: str, roots: Sequence[str]) -> ObjectStoragePath:
    """
    Return the path of a file or folder of a task instance, made of a root and names that were checked.

    :param reported: the path that the run reported.
    :param instance: whose it must be.
    :param suffix: how its name must end.
    :param roots: folders below which it must be.
    :raises FileNotShownError: when it is not below a root, or not this task instance's.
    """
    if not reported:
        raise FileNotShownError("none", "The run reported no file: set the parameter rejects_path or dry_run_path.")
    if not roots:
        raise FileNotShownError(
            "no_roots",
            "This deployment shows no rows: [heap] rejects_roots of the API server names no folder. The file is at "
            f"{reported}.",
        )
    scheme, parts = _split(reported)
    for root in roots:
        root_scheme, root_parts = _split(root)
        below = parts[len(root_parts) :]
        if scheme != root_scheme or parts[: len(root_parts)] != root_parts or len(below) < 4:
            continue
        if any(part in ("", ".", "..") or _UNSAFE.search(part) for part in below):
            continue
        if instance.owns(below, suffix):
            if scheme == "file":
                folder = Path("/".join(root_parts) or "/")
                _refuse_links(folder.joinpath(*below), folder, instance, suffix)
            return _join(root, below)
    raise FileNotShownError(
        "outside",
        f"The file that the run reported, {reported}, is not one of this task instance below a folder of [heap] "
        "rejects_roots.",
    )


def read_rejects(path: ObjectStoragePath, *, reason: str | None = None, count: int = MAX_ROWS) -> RejectedRows:
    """
    Read the first rows of a rejects file.

    :param path: what :func:`locate` returned.
    :param reason: only rows that were refused for it.
    :param count: most rows to return.
    :raises FileNotShownError: when it cannot be read.
    """
    return _within_time(lambda: _read_rejects(path, reason, count))


def read_payload(folder: ObjectStoragePath, number: int) -> Payload:
    """
    Read a request of a dry run.

    :param folder: what :func:`locate` returned.
    :param number: which request, from 1 on.
    :raises FileNotShownError: when it cannot be read.
    """
    return _within_time(lambda: _read_payload(folder, number))


def _split(url: str) -> tuple[str, list[str]]:
    """Return scheme and parts of a URL; without the Airflow connection that may be in it."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "file", url
    if scheme in _LOCAL:
        return "file", rest.rstrip("/").split("/")
    authority, _, key = rest.partition("/")
    return scheme, [authority.rpartition("@")[2], *key.rstrip("/").split("/")] if key else [
        authority.rpartition("@")[2]
    ]


def _join(root: str, parts: Sequence[str]) -> ObjectStoragePath:
    path = ObjectStoragePath(root)
    for part in parts:
        path = path / part
    return path


def _refuse_links(path: Path, root: Path, instance: Instance, suffix: str) -> None:
    """Refuse a path that a symbolic link leads out of a root, or to a file of another task instance."""
    try:
        file = path.resolve()
        with suppress(FileNotFoundError):
            path.stat()  # links that lead to each other: since Python 3.13 resolve() does not mind them
        if file.is_relative_to(root.resolve()) and instance.owns(file.parts, suffix):
            return
    except (OSError, RuntimeError):
        pass
    raise FileNotShownError("outside", "A symbolic link leads elsewhere than to a file of this task instance.")


def _within_time(function: Callable[[], T]) -> T:
    try:
        return _threads.submit(function).result(TIMEOUT)
    except FileNotShownError:
        raise
    except TimeoutError:
        raise FileNotShownError("timeout", f"The storage did not answer within {TIMEOUT:.0f} seconds.") from None
    except FileNotFoundError:
        raise FileNotShownError(
            "not_found",
            "The API server finds no such file. It is gone, or on a disk of the worker: set rejects_path or "
            "dry_run_path to a folder that both can reach, such as a bucket.",
        ) from None
    except Exception as error:
        # What the storage says may name credentials or hosts.
        raise FileNotShownError(
            "unreadable", f"The API server could not read the file ({type(error).__name__}); its log says more."
        ) from error


def _read_rejects(path: ObjectStoragePath, reason: str | None, count: int) -> RejectedRows:
    decode = msgspec.json.Decoder(RejectedRow).decode
    rows: list[RejectedRow] = []
    with path.open("rb") as file:  # type: ignore[no-untyped-call]
        size = 0
        while line := _read_line(file, MAX_BYTES - size):
            size += len(line)
            try:
                row = decode(line)
            except msgspec.DecodeError:
                if line.endswith(b"\n"):
                    raise FileNotShownError("unreadable", "The file is not a rejects file.") from None
                return RejectedRows(rows, more=True)  # the run is still writing, or the file is too long
            if reason is None or row.reason == reason:
                if len(rows) == count:
                    return RejectedRows(rows, more=True)
                rows.append(row)
    return RejectedRows(rows, more=size >= MAX_BYTES)


def _read_line(file: IO[Any], limit: int) -> bytes:
    return bytes(file.readline(limit)) if limit > 0 else b""


def _read_payload(folder: ObjectStoragePath, number: int) -> Payload:
    path = folder / f"{number:06}.json"
    if path.protocol in ("", *_LOCAL) and Path(path.path).is_symlink():
        raise FileNotShownError("outside", "A symbolic link leads elsewhere than to a request of this task instance.")
    with path.open("rb") as file:  # type: ignore[no-untyped-call]
        body = bytes(file.read(MAX_BYTES + 1))
    text = body[:MAX_SHOWN].decode("utf-8", "replace")
    return Payload(number, None if len(body) > MAX_BYTES else len(body), text)
