"""A task documents itself: from its parameters alone, and only where the user did not."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import sqlalchemy
from airflow.providers.common.compat import sdk
from airflow.providers.common.compat.sdk import DAG
from airflow.serialization import serialized_objects

from airflow_provider_heap.hooks.heap import HeapHook
from airflow_provider_heap.models.dbt import DbtModel
from airflow_provider_heap.models.sql import SqlModel
from airflow_provider_heap.operators.documentation import MAX_PROPERTIES, MAX_SQL
from airflow_provider_heap.operators.heap import (
    Constant,
    HeapEventSyncOperator,
    HeapRedriveOperator,
    HeapUserSyncOperator,
    RowTemplate,
)
from tests.masking import mask_secret

PROPERTIES = {"Plan": "plan", "By": Constant("{{ ds }}"), "Name": RowTemplate("{{ first }} {{ last }}")}


def user(**parameters):
    given = {"model": "select email, plan\nfrom people", "sql_conn_id": "warehouse", "identity": "email"}
    return HeapUserSyncOperator(**{"task_id": "people", "properties": PROPERTIES, **given, **parameters})


@pytest.fixture
def dag():
    with DAG("docs", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        yield dag


def stored(dag):
    """Return what the serialized DAG has as documentation of each task."""
    kind = getattr(serialized_objects, "DagSerialization", serialized_objects.SerializedDAG)
    tasks = [task.get("__var", task) for task in kind.to_dict(dag)["dag"]["tasks"]]
    json.dumps(tasks)
    return {task["task_id"]: task.get("doc_md") or task.get("partial_kwargs", {}).get("doc_md") for task in tasks}


def test_it_shows_model_target_object_behaviour_key_and_mapping():
    assert user().doc_md == (
        "| Sync | people |\n| --- | --- |\n"
        "| Model | SQL on connection 'warehouse' |\n"
        "| Target | Heap, connection 'heap\\_default' |\n"
        "| Object | users |\n"
        "| Behaviour | update or create |\n"
        "| Sync key | identity, from column **email** |\n\n"
        "| Heap user | is filled from |\n| --- | --- |\n"
        "| **identity** | column **email** |\n"
        "| Plan | column **plan** |\n"
        "| By | constant {{ ds }} |\n"
        "| Name | template {{ first }} {{ last }} |\n\n"
        "```sql\nselect email, plan\nfrom people\n```"
    )


def test_what_the_user_wrote_stays_also_when_it_is_empty(dag):
    user(doc_md="My own")
    user(task_id="none", doc_md="")
    later = user(task_id="later")
    later.doc_md = "Written later"
    assert stored(dag) == {"people": "My own", "none": None, "later": "Written later"}
    assert HeapRedriveOperator(task_id="redrive", path="/x").doc_md is None


def test_default_args_of_a_dag_count_as_written():
    with DAG("docs", schedule=None, default_args={"doc_md": "Of the DAG"}) as dag:
        user()
        HeapUserSyncOperator.partial(task_id="mapped").expand(model=["select 1"])
    assert stored(dag) == {"people": "Of the DAG", "mapped": "Of the DAG"}


def test_the_serialized_dag_has_it_for_plain_and_for_mapped_tasks(dag):
    user()
    HeapUserSyncOperator.partial(task_id="models", identity="email", properties=["plan"]).expand(model=["select 1"])
    HeapUserSyncOperator.partial(task_id="mine", doc_md="My own").expand(model=["select 1"])
    HeapEventSyncOperator.partial(
        task_id="events", model="select 1", sql_conn_id="warehouse", identity="email", timestamp="at", event="Order"
    ).expand(insert_id=["a", "b"])
    docs = stored(dag)
    assert docs["people"] == dag.get_task("people").doc_md
    assert docs["mine"] == "My own"
    assert "| Model | (given to each mapped instance) |" in docs["models"]
    assert "| plan | column **plan** |" in docs["models"]
    assert "| Sync key | idempotency\\_key, from column **(given to each mapped instance)** |" in docs["events"]
    assert "| **event** | constant Order |" in docs["events"]
    assert "The properties are known when the task runs." in docs["events"]


def test_a_copy_of_a_task_keeps_its_documentation(dag):
    user(doc_md="My own")
    user(task_id="other")
    part = dag.partial_subset(["people", "other"])
    assert part.get_task("people").doc_md == "My own"
    assert part.get_task("other").doc_md.startswith("| Sync | other |")


@pytest.mark.parametrize(
    ("model", "name", "code"),
    [
        ("users.sql", "SQL of the file 'users.sql' on connection 'warehouse'", False),
        (SqlModel("select 1"), "SQL on connection 'warehouse'", True),
        (DbtModel("dim_users"), "dbt model 'dim\\_users' (connection 'warehouse')", False),
        (sqlalchemy.select(sqlalchemy.literal(1)), "connection 'warehouse'", False),
    ],
    ids=["file", "SQL", "dbt", "SQLAlchemy"],
)
def test_each_kind_of_model_has_its_name_and_sql_is_shown(model, name, code):
    doc = user(model=model).doc_md
    assert f"| Model | {name} |" in doc
    assert ("```sql" in doc) == code


def test_a_mapping_that_is_not_known_yet_is_not_guessed():
    assert "Every other column becomes a property" in user(properties=None).doc_md


def test_it_is_not_longer_than_a_page_is_useful():
    doc = user(model=f"select {'x' * 10_000}", properties={f"P{n}": f"c{n}" for n in range(1000)}).doc_md
    assert f"… and {1000 - MAX_PROPERTIES} more properties." in doc
    assert doc.endswith("\n…\n```")
    assert len(doc) < MAX_SQL + 60 * MAX_PROPERTIES


def test_no_connection_is_looked_up_and_no_secret_is_shown(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a connection was looked up")

    monkeypatch.setattr(sdk.BaseHook, "get_connection", refuse)
    monkeypatch.setattr(HeapHook, "environment", refuse)
    mask_secret("hunter2-of-the-gate")
    doc = user(properties={"Token": Constant("hunter2-of-the-gate")}).doc_md
    assert "| Token | constant \\*\\*\\* |" in doc


def test_a_model_whose_name_fails_leaves_the_task_without_documentation():
    class Broken:
        def describe(self, sql_conn_id):
            raise RuntimeError("no name")

        def open(self, source):
            raise NotImplementedError

    assert user(model=Broken()).doc_md is None
