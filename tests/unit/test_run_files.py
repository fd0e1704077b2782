"""Names of the files of a task's tries."""

from pathlib import Path

import pytest

from airflow_provider_heap.run_files import REJECTS_SUFFIX, in_order, path_of_try, try_name


@pytest.mark.parametrize(
    ("map_index", "try_number", "name"),
    [(None, 1, "try-1"), (-1, 1, "try-1"), (-1, 12, "try-12"), (0, 1, "map-0-try-1"), (3, 2, "map-3-try-2")],
)
def test_a_try_is_named_by_its_number_and_its_map_index(map_index, try_number, name):
    assert try_name(map_index, try_number) == name


def test_the_files_of_a_try_are_below_its_dag_task_and_run():
    path = path_of_try(Path("/rejects"), "shop", "users", "manual__1", -1, 1, REJECTS_SUFFIX)
    assert path == Path("/rejects/shop/users/manual__1/try-1.jsonl")
    assert path_of_try(Path("/kept"), "shop", "users", "manual__1", 3, 1) == Path(
        "/kept/shop/users/manual__1/map-3-try-1"
    )


def test_files_of_all_names_are_in_the_order_of_their_tries():
    names = [
        "-1-1.jsonl",
        "-1-2.jsonl",
        "-1-10.jsonl",
        "map-2-try-1.jsonl",
        "map-10-try-1.jsonl",
        "try-2.jsonl",
        "try-10.jsonl",
    ]
    assert sorted(set(names), key=in_order) == names
