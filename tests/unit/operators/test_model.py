"""What a task reads: a model, the columns of its query, its templates."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import ClassVar

import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models import Rows
from airflow_provider_heap.models.sql import SqlModel
from airflow_provider_heap.operators.heap import Constant, HeapUserSyncOperator, RowTemplate


@dataclass(frozen=True)
class People:
    """A model that knows rows by itself, and remembers how it was opened."""

    template_fields: ClassVar[tuple[str, ...]] = ("name",)

    name: str = "people"
    rows: tuple = (("ada", 1), ("bob", None))
    events: list = None

    @contextmanager
    def open(self, source):
        events = self.events if self.events is not None else []
        events.append(("opened", source.fetch_size, source.parameters))
        try:
            yield Rows(["identity", "seats"], [list(self.rows)], ["text", "int"])
        finally:
            events.append("closed")


@dataclass(frozen=True)
class Described(People):
    def describe(self, sql_conn_id):
        return f"model {self.name!r} (connection {sql_conn_id!r})"


@dataclass(frozen=True)
class Compiled(People):
    def compile(self, source):
        return "select 1 as compiled"


def operator(model="select * from users", **parameters):
    return HeapUserSyncOperator(task_id="sync", model=model, **parameters)


@pytest.mark.parametrize(
    ("model", "sql_conn_id", "label"),
    [
        ("select 1", "warehouse", "connection 'warehouse'"),
        (SqlModel("select 1"), "warehouse", "connection 'warehouse'"),
        (People(), None, "People"),
        (People(), "warehouse", "connection 'warehouse'"),
        (Described(), "warehouse", "model 'people' (connection 'warehouse')"),
    ],
)
def test_messages_call_the_source_by_what_the_model_says_or_by_its_connection(model, sql_conn_id, label):
    assert operator(model, sql_conn_id=sql_conn_id).source_label == label


@pytest.mark.parametrize(
    ("model", "sql"),
    [
        ("select 1", "select 1"),
        (SqlModel("select 2"), "select 2"),
        (Compiled(), "select 1 as compiled"),
        (People(), None),
    ],
)
def test_the_query_is_known_before_where_the_model_has_one(model, sql):
    assert operator(model).sql == sql


def test_the_hook_of_the_query_is_made_once_and_not_before_it_is_needed():
    made = []

    class Mine(HeapUserSyncOperator):
        def get_db_hook(self):
            made.append("hook")
            return object()

    context = Mine(task_id="sync", model="select 1").read_context()
    assert made == []
    assert context.get_db_hook() is context.get_db_hook()
    assert made == ["hook"]


# The columns of a query


def columns(sql, **parameters):
    return list(operator(sql, sql_conn_id="warehouse", **parameters).columns().columns)


@pytest.mark.parametrize(
    "sql",
    [
        "select email, n from users",
        "SELECT email, n FROM users;",
        "-- who\nselect email, n from users -- the end",
        "/* with\n */ (select email, n from users)",
        "with u as (select * from users) select email, n from u",
        "select email, n from users order by n limit 1",
    ],
)
def test_a_query_is_asked_for_its_columns_and_for_no_row(warehouse, monkeypatch, sql):
    warehouse.users(3)
    fetched, opened = [], SqlModel.open

    @contextmanager
    def open_and_read(self, source):
        with opened(self, source) as rows:
            fetched.extend(rows.chunks)
            yield rows

    monkeypatch.setattr(SqlModel, "open", open_and_read)
    rows = operator(sql, sql_conn_id="warehouse").columns()
    assert (list(rows.columns), rows.chunks) == (["email", "n"], [])
    assert fetched == []


def test_two_columns_of_one_name_keep_it_though_a_nested_query_renames_the_second(warehouse):
    warehouse.users(1)
    assert columns("select email, n, n from users") == ["email", "n", "n"]


@pytest.mark.parametrize(
    "sql", ["insert into users values ('new', 'free', 1, 1)", "delete from users", "drop table users"]
)
def test_what_is_not_a_select_is_never_run_for_a_look_at_its_columns(warehouse, sql):
    warehouse.users(3)
    with pytest.raises(ModelError, match="The model would write"):
        columns(sql)
    with closing(sqlite3.connect(warehouse.path)) as database:
        assert database.execute("select count(*) from users").fetchone() == (3,)


def test_an_error_of_the_query_is_the_databases_own(warehouse):
    with pytest.raises(Exception, match="no such table: nowhere"):
        columns("select * from nowhere")


def test_a_model_without_a_query_tells_its_columns_and_types_itself():
    rows = operator(People()).columns()
    assert (rows.columns, rows.chunks, rows.types) == (["identity", "seats"], [], ["text", "int"])


# Templates


def test_models_constants_and_templates_are_rendered_into_copies(ti):
    one = operator(
        People(name="{{ x }}"), properties={"{{ x }} Plan": Constant("{{ x }}"), "All": RowTemplate("{{ a }}")}
    )
    model, properties = one.model, one.properties
    one.render_template_fields({"x": "7"})
    assert one.model == replace(model, name="7")
    assert one.properties == {"7 Plan": Constant("7"), "All": RowTemplate("{{ a }}")}
    assert model.name == "{{ x }}"
    assert "{{ x }} Plan" in properties


@pytest.mark.parametrize("content", [People, {1: "{{ x }}"}, ["{{ x }}"], None])
def test_anything_else_is_rendered_as_airflow_does(content):
    expected = {1: "7"} if isinstance(content, dict) else ["7"] if isinstance(content, list) else content
    assert operator().render_template(content, {"x": "7"}) == expected


def test_names_that_are_rendered_to_the_same_are_refused():
    with pytest.raises(ModelError, match=r"'{{ x }}', '7' are rendered to the same name"):
        operator().render_template({"{{ x }}": 1, "7": 2}, {"x": "7"})


def test_every_template_has_the_interval_of_the_run_unless_the_dag_has_one_of_its_own():
    context = {"dag_run": SimpleNamespace(run_after=datetime(2026, 11, 20, 10, tzinfo=UTC))}
    task = operator("select '{{ heap_interval().end }}'", parameters=["{{ heap_interval().start }}"])
    task.render_template_fields(context)
    assert (task.model, task.parameters) == ("select '2026-11-20 10:00:00'", ["1970-01-01 00:00:00"])
    with DAG("own", schedule=None, user_defined_macros={"heap_interval": lambda: "mine"}):
        own = operator("select '{{ heap_interval() }}'")
    own.render_template_fields({})
    assert own.model == "select 'mine'"
