"""What the three sync operators share: a model to read, guards, the columns of a query, templates."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models import Rows
from airflow_provider_heap.models.sql import SqlModel
from airflow_provider_heap.operators.heap import Constant, HeapUserSyncOperator, RowTemplate
from airflow_provider_heap.sync.plan import GuardSettings


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


@pytest.fixture
def plan(ti, monkeypatch):
    """Return the plan of an operator; its connections cannot be reached."""
    monkeypatch.setenv(
        "AIRFLOW_CONN_HEAP_DEFAULT", json.dumps({"conn_type": "heap", "login": "123", "host": "http://127.0.0.1:9"})
    )
    monkeypatch.setenv("AIRFLOW_CONN_AWAY", json.dumps({"conn_type": "postgres", "host": "127.0.0.1", "port": 9}))
    return lambda one: one.plan({"ti": ti})


# The plan


def test_a_plan_is_made_though_the_database_cannot_be_reached(plan):
    assert plan(operator(sql_conn_id="away")).source_label == "connection 'away'"


def test_a_plan_is_made_though_there_is_no_such_connection_because_nothing_is_opened(plan):
    assert plan(operator(sql_conn_id="no_such_connection")).guards == GuardSettings()


def test_guards_are_values_of_the_plan_and_may_be_texts_from_templates(plan):
    one = operator(
        min_rows="1",
        max_rows=10,
        max_changed="0.5",
        max_null={"Plan": "0.2"},
        unique_key="true",
        state_conn_id="away",
    )
    assert plan(one).guards == GuardSettings(1, 10, 0.5, {"Plan": 0.2}, True)


@pytest.mark.parametrize("unset", [None, "", "None"])
def test_a_guard_whose_template_renders_to_nothing_is_none(plan, unset):
    one = operator(min_rows=unset, max_rows=unset, max_changed=unset, max_null=unset, unique_key=unset)
    assert not plan(one).guards


@pytest.mark.parametrize(
    ("guard", "message"),
    [
        ({"min_rows": "few"}, "min_rows must be a whole number"),
        ({"max_rows": -1}, "max_rows must be 0 or more"),
        ({"max_changed": "0.5"}, "max_changed compares rows with the state.*set state_conn_id"),
        ({"max_null": "0.2"}, "max_null must be a dict of shares"),
        ({"unique_key": "perhaps"}, "unique_key must be true or false"),
    ],
)
def test_a_guard_that_cannot_be_right_is_refused_before_anything_is_read(plan, guard, message):
    with pytest.raises(ModelError, match=message):
        plan(operator(**guard))


# The model


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


def test_a_query_without_a_connection_cannot_be_run(plan):
    one = operator()
    with pytest.raises(ModelError, match="sql_conn_id is missing"), one.open_rows(plan(one)):
        pass


def test_a_model_that_needs_no_connection_is_not_asked_for_one(plan):
    one = operator(People(), parameters={"a": 1}, fetch_size="50")
    with one.open_rows(plan(one)) as rows:
        [chunk] = rows.chunks
    assert chunk.items.keys == ["ada", "bob"]
    assert rows.key_column == "identity"
    assert rows.signature.startswith("1:")


def test_the_model_gets_parameters_and_fetch_size_and_is_closed_at_the_end(plan):
    one = operator(People(events=[]), parameters={"a": 1}, fetch_size="50")
    with one.open_rows(plan(one)):
        pass
    assert one.model.events == [("opened", 50, {"a": 1}), "closed"]


def test_another_model_may_be_read_instead(plan):
    one = operator(People(events=[]))
    with one.open_rows(plan(one), People(rows=(("eve", 1),))) as rows:
        [chunk] = rows.chunks
    assert chunk.items.keys == ["eve"]
    assert one.model.events == []


def test_a_mapping_that_does_not_fit_says_which_rows_it_does_not_fit_and_closes_the_model(plan):
    one = operator(Described(events=[]), properties={"Plan": "nix"}, sql_conn_id="warehouse")
    message = r"^The rows of model 'people' \(connection 'warehouse'\) and their mapping don't fit: .*'nix'"
    with pytest.raises(ModelError, match=message), one.open_rows(plan(one)):
        pass
    assert one.model.events[-1] == "closed"


@pytest.mark.parametrize("fetch_size", [0, -1, "0"])
def test_rows_are_fetched_one_at_a_time_at_least(plan, fetch_size):
    one = operator(People(), fetch_size=fetch_size)
    with pytest.raises(ModelError, match="fetch_size must be at least 1"), one.open_rows(plan(one)):
        pass


def test_rows_with_a_value_are_counted_for_the_guard_that_asks(plan):
    one = operator(People(), max_null={"seats": 0.5})
    with one.open_rows(plan(one)) as rows:
        assert [chunk.filled for chunk in rows.chunks] == [{"seats": 1}]


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


# Keys


def test_the_key_of_an_account_or_user_is_the_value_itself():
    assert operator().sync_key("ada@example.com") == "ada@example.com"
