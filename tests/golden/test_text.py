"""Objects and serialized DAGs keep their text."""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_heap.models.dbt import DbtCloudArtifacts, DbtModel
from airflow_provider_heap.models.looker import LookerLook
from airflow_provider_heap.models.sql import SqlModel
from airflow_provider_heap.operators.heap import Constant, HeapUserSyncOperator, RowTemplate
from tests.golden.expectations import check, text

OBJECTS = {
    "Constant": Constant("crm"),
    "Constant of a dict": Constant({"a": [1, None]}),
    "RowTemplate": RowTemplate("{{ first }} {{ last }}"),
    "SqlModel": SqlModel("select * from users"),
    "DbtModel": DbtModel("dim_users"),
    "DbtModel, all": DbtModel(
        "dim_users",
        manifest="s3://bucket/manifest.json",
        columns=["id", "plan"],
        where="plan = 'pro'",
        require={"tests", "freshness"},
        max_age=timedelta(hours=6),
    ),
    "DbtModel, Cloud": DbtModel("dim_users", manifest=DbtCloudArtifacts(job_id=7)),
    "LookerLook": LookerLook(42),
    "LookerLook, all": LookerLook("42", looker_conn_id="mine", mode="results", by="label", limit=10),
}


def test_objects_keep_their_text():
    check("repr", {name: repr(one) for name, one in OBJECTS.items()})


def test_a_serialized_dag_keeps_the_text_of_models_and_properties():
    from airflow.serialization import serialized_objects

    serializer = getattr(serialized_objects, "DagSerialization", serialized_objects.SerializedDAG)
    properties = {"Source": Constant("crm"), "Name": RowTemplate("{{ first }}"), "Plan": "plan"}
    models = {name: one for name, one in OBJECTS.items() if hasattr(one, "open")}
    with DAG(dag_id="golden", schedule=None) as dag:
        for number, model in enumerate([*models.values(), "select 1"]):
            HeapUserSyncOperator(task_id=f"task{number}", model=model, sql_conn_id="warehouse", properties=properties)
    tasks = [task.get("__var", task) for task in serializer.to_dict(dag)["dag"]["tasks"]]
    check("serialized models", [task["model"] for task in tasks])
    check("serialized properties", tasks[0]["properties"])
    assert {text(task["properties"]) for task in tasks} == {text(tasks[0]["properties"])}
