"""What may be given as a model, and what is said of everything else."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.operators.heap import Constant, HeapEventSyncOperator, HeapUserSyncOperator

PEOPLE = sa.table("people", sa.column("email", sa.String), sa.column("plan", sa.String))


@pytest.fixture
def people(warehouse):
    """A table of two people."""
    warehouse.table("people", [{"email": "a@example.com", "plan": "pro"}, {"email": "b@example.com", "plan": "100%"}])
    return warehouse


def users(model, **kwargs):
    return HeapUserSyncOperator(task_id="sync", model=model, sql_conn_id="warehouse", identity="email", **kwargs)


@pytest.mark.parametrize(
    ("model", "found"),
    [
        (None, "None"),
        (["select 1"], "list"),
        ({"sql": "select 1"}, "dict"),
        (5, "int"),
        (sa.text("select 1"), "TextClause"),
        (sa.insert(PEOPLE), "Insert"),
        (Path("people.csv"), "the path 'people.csv'"),
    ],
)
def test_what_is_not_a_model_is_refused_with_what_is_taken(model, found, run, people, heap_sandbox):
    with pytest.raises(ModelError, match=rf"model takes SQL text, .*; found {found}[.]"):
        run(users(model))
    assert heap_sandbox.requests == []


def test_a_select_of_sqlalchemy_is_run_with_its_values(run, people, heap_sandbox):
    select = sa.select(PEOPLE).where(PEOPLE.c.plan == "100%", PEOPLE.c.email.like("b%"))
    operator = users(select)
    assert run(operator)["sent"] == 1
    assert heap_sandbox.users == {"b@example.com": {"plan": "100%"}}
    assert operator.columns().columns == ["email", "plan"]
    assert "100%" in operator.sql


def test_a_select_of_sqlalchemy_takes_parameters(run, people, heap_sandbox):
    select = sa.select(PEOPLE).where(PEOPLE.c.plan == sa.bindparam("plan"))
    run(users(select, parameters={"plan": "pro"}))
    assert list(heap_sandbox.users) == ["a@example.com"]
    untyped = sa.select(PEOPLE).where(sa.column("plan") == sa.bindparam("plan", type_=sa.types.NullType()))
    with pytest.raises(ModelError, match="SQLAlchemy can't write for SqliteHook"):
        run(users(untyped, parameters={"plan": object()}))


@pytest.mark.parametrize("kind", [str, Path])
@pytest.mark.parametrize("place", ["absolute", "relative"])
@pytest.mark.parametrize("when", ["parsed", "rendered", "mapped"])
def test_a_sql_file_is_read_and_rendered(tmp_path, kind, place, when, people):
    (tmp_path / "people.sql").write_text("select * from people where plan = '{{ plan }}'")
    with DAG("people", template_searchpath=str(tmp_path)) as dag:
        path = kind(tmp_path / "people.sql" if place == "absolute" else "people.sql")
        if when == "mapped":
            HeapUserSyncOperator.partial(task_id="sync", sql_conn_id="warehouse").expand(model=[str(path)])
        else:
            users(path)
    context = {"plan": "pro", "ti": None}
    task = dag.get_task("sync")
    if when == "mapped":
        task = task.unmap({"model": str(path)})
    if when == "parsed":
        dag.resolve_template_files()
        assert task.model == "select * from people where plan = '{{ plan }}'"
    task.render_template_fields(context)
    assert task.model == "select * from people where plan = 'pro'"


def test_a_sql_file_that_is_not_there_is_named(run, tmp_path):
    with DAG("people", template_searchpath=str(tmp_path)) as dag:
        users("nowhere.sql")
    dag.resolve_template_files()
    with pytest.raises(
        ModelError, match=r"The model is the file 'nowhere.sql', which can't be read .*template_searchpath"
    ):
        dag.get_task("sync").render_template_fields({})


def test_other_texts_that_end_in_sql_are_no_files(tmp_path):
    with DAG("events", template_searchpath=str(tmp_path)) as dag:
        operator = HeapEventSyncOperator(
            task_id="sync",
            model="select 1",
            insert_id="id",
            timestamp=None,
            identity="email",
            event="Opened report.sql",
            properties={"File": Constant("report.sql")},
            parameters={"name": "x.sql"},
        )
    dag.resolve_template_files()
    operator.render_template_fields({})
    assert operator.event == "Opened report.sql"
    assert operator.properties == {"File": Constant("report.sql")}
    assert operator.parameters == {"name": "x.sql"}
