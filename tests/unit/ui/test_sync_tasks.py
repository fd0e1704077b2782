"""Our tasks are found in serialized DAGs, with what those know of them."""

from __future__ import annotations

import pytest

from airflow_provider_heap.operators import heap
from airflow_provider_heap.ui.sync_tasks import OPERATOR_CLASSES, describe_model, find_sync_tasks
from tests.unit.ui.conftest import DAGS


@pytest.fixture(scope="module")
def tasks(api_server):
    """The tasks of the two DAGs by ID, as Airflow stores them."""
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.utils.session import create_session

    with create_session() as session:
        return {
            task.task_id: task
            for model in session.query(SerializedDagModel).filter(SerializedDagModel.dag_id.in_(["crm", "other"]))
            for task in find_sync_tasks(model.data)
        }


def test_each_of_our_tasks_is_found_and_nothing_is_imported_for_it(tasks):
    assert DAGS.count("task_id=") == len(tasks) == 3
    assert (tasks["users"].operator, tasks["users"].object_name, tasks["users"].mapped) == (
        "HeapUserSyncOperator",
        "user",
        False,
    )
    assert tasks["users"].asset_uris == ["heap://heapanalytics.com/2388822444/users"]
    settings = tasks["users"].settings
    assert (settings["heap_conn_id"], settings["sql_conn_id"], settings["min_rows"]) == ("heap_default", "warehouse", 1)
    assert not {"model", "properties", "full_sync", "max_null"} & settings.keys()


def test_an_operator_derived_by_a_user_is_found_also_when_mapped(tasks):
    orders = tasks["orders"]
    assert (orders.operator, orders.object_name, orders.mapped, orders.model) == (
        "OurEvents",
        "event",
        True,
        "orders.sql",
    )
    assert (orders.settings["sql_conn_id"], orders.settings["event"]) == ("warehouse", "Order")


def test_a_re_drive_has_no_model_and_no_object_before_it_runs(tasks):
    assert (tasks["again"].object_name, tasks["again"].model) == (None, "")


def test_the_classes_are_the_operators_that_users_import():
    assert set(OPERATOR_CLASSES) == {name for name in heap.__all__ if name.startswith("Heap")} - {"HeapSyncOperator"}
    for name, object_name in OPERATOR_CLASSES.items():
        assert object_name is None or getattr(heap, name).heap_object.name == object_name


@pytest.mark.parametrize(
    ("model", "word"),
    [
        ("select 1", "SQL"),
        ("sql/users.sql", "users.sql"),
        ("select 1 -- from\nusers.sql", "SQL"),
        ("DbtModel(name='users', manifest='x')", "dbt model"),
        ("LookerLook(look_id=7)", "Looker Look"),
        ("Ours(path='x')", "Ours"),
        (None, ""),
    ],
)
def test_a_model_in_a_word(model, word):
    assert describe_model(model) == word


@pytest.mark.parametrize(
    ("value", "flags"),
    [
        ("{{ params.dry_run }}", {"dry_run": "dry_run"}),
        ("{{params.try_it | default(False)}}", {"dry_run": "try_it"}),
        ("{{ dag_run.conf.dry }}", {"dry_run": "dry"}),
        ("{{ var.value.dry }}", {}),
        (True, {}),
    ],
)
def test_a_flag_can_be_set_where_a_template_takes_it_from_the_run(value, flags):
    task = {"_task_module": "airflow_provider_heap.operators.heap", "task_id": "t", "dry_run": value}
    [found] = find_sync_tasks({"dag": {"tasks": [{"__var": task, "__type": "operator"}]}})
    assert found.flags == flags


def test_other_tasks_are_not_found():
    task = {"_task_module": "airflow.providers.standard.operators.bash", "task_id": "t", "template_fields": ["env"]}
    assert list(find_sync_tasks({"dag": {"tasks": [task]}})) == []
    assert list(find_sync_tasks({})) == []
