"""
Where the files of a task's tries are: the rejects file, and the folder of the requests of a dry run.

Both are ``<folder>/<dag>/<task>/<run>/`` and the name of the try. Older files, named ``<map index>-<try>`` such as
``-1-1.jsonl``, are still read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from airflow_provider_heap.sync.plan import StoragePath

    Path = TypeVar("Path", bound=StoragePath)

#: How the name of a rejects file ends.
REJECTS_SUFFIX = ".jsonl"


def try_name(map_index: int | None, try_number: int) -> str:
    """
    Return what the files of a try are called: ``try-1``, or ``map-3-try-1`` in a mapped task.

    :param map_index: which instance of a mapped task; below 0, or None, for a task that is not mapped.
    :param try_number: from 1 on.
    """
    return f"{'' if map_index is None or map_index < 0 else f'map-{map_index}-'}try-{try_number}"


def path_of_try(
    folder: Path, dag_id: str, task_id: str, run_id: str, map_index: int | None, try_number: int, suffix: str = ""
) -> Path:
    """
    Return the path of a try's file or folder.

    :param folder: what ``rejects_path`` or ``dry_run_path`` names.
    :param dag_id: the DAG's.
    :param task_id: the task's.
    :param run_id: the DAG run's.
    :param map_index: which instance of a mapped task; below 0, or None, for a task that is not mapped.
    :param try_number: from 1 on.
    :param suffix: :data:`REJECTS_SUFFIX` for a rejects file.
    """
    return folder / dag_id / task_id / run_id / f"{try_name(map_index, try_number)}{suffix}"  # type: ignore[no-any-return]


def in_order(path: object) -> list[str | int]:
    """
    Return a key that sorts paths by their text, and the numbers in it as numbers: try 2 comes before try 10.

    :param path: a path, or its text.
    """
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", str(path))]
