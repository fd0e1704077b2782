"""The operators' own part: parameters, templates, mapping over tasks, what they leave behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest
from airflow.providers.common.compat.sdk import DAG, Asset

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models import Rows
from airflow_provider_heap.models.sql import SqlModel
from airflow_provider_heap.operators.heap import (
    Constant,
    HeapAccountSyncOperator,
    HeapEventSyncOperator,
    HeapUserSyncOperator,
    RowTemplate,
)


def rendered(operator, **context):
    """Render an operator's templates as Airflow does before it executes."""
    operator.render_template_fields({"params": context, "task": operator, **context})
    return operator


def test_templates_are_rendered_in_every_field_that_says_so():
    operator = HeapEventSyncOperator(
        task_id="sync",
        model="select {{ x }}",
        sql_conn_id="db_{{ x }}",
        heap_conn_id="heap_{{ x }}",
        parameters={"a": ["{{ x }}"]},
        properties={"P": Constant("{{ x }}"), "Q": RowTemplate("{{ first }}"), "R": "col_{{ x }}", "S": Constant(5)},
        rate_limit="{{ x }}",
        max_rejected="{{ x }}",
        rejects_path="/rejects/{{ x }}",
        sync_name="name-{{ x }}",
        event="Event {{ x }}",
        identity="email",
        insert_id="id",
        timestamp=None,
    )
    before = operator.properties
    rendered(operator, x="7")
    assert (operator.model, operator.sql_conn_id, operator.heap_conn_id) == ("select 7", "db_7", "heap_7")
    assert operator.parameters == {"a": ["7"]}
    assert operator.properties == {"P": Constant("7"), "Q": RowTemplate("{{ first }}"), "R": "col_7", "S": Constant(5)}
    assert (operator.rate_limit, operator.max_rejected, operator.rejects_path) == ("7", "7", "/rejects/7")
    assert (operator.sync_name, operator.event) == ("name-7", "Event 7")
    # Frozen, and perhaps shared with other runs of this process.
    assert before["P"] == Constant("{{ x }}")


def test_the_names_of_properties_are_rendered_as_their_columns_are():
    properties = {"{{ x }} Plan": "plan_{{ x }}", "Seats": "seats", "About {{ x }}": Constant({"{{ x }}": 1})}
    operator = HeapUserSyncOperator(
        task_id="sync", model="select 1", identity="email", properties=properties, max_null={"{{ x }} Plan": 0.1}
    )
    rendered(operator, x="7")
    assert operator.properties == {"7 Plan": "plan_7", "Seats": "seats", "About 7": Constant({"7": 1})}
    assert operator.max_null == {"7 Plan": 0.1}


def test_two_properties_that_are_rendered_to_one_name_are_refused():
    properties = {"{{ x }}": "plan", "7": "seats"}
    operator = HeapUserSyncOperator(task_id="sync", model="select 1", identity="email", properties=properties)
    with pytest.raises(ModelError, match="rendered to the same name"):
        rendered(operator, x="7")


def test_a_model_object_is_rendered_too():
    operator = HeapUserSyncOperator(task_id="sync", model=SqlModel("select {{ x }}"), sql_conn_id="db")
    assert rendered(operator, x="7").model == SqlModel("select 7")


def test_a_sql_file_is_read_and_rendered(tmp_path, heap_sandbox, warehouse, run):
    warehouse.users(10)
    (tmp_path / "users.sql").write_text("select email from users where n <= {{ params.most }}")
    with DAG(dag_id="d", schedule=None, template_searchpath=[str(tmp_path)]) as dag:
        operator = HeapUserSyncOperator(task_id="sync", model="users.sql", sql_conn_id="warehouse", identity="email")
    operator.render_template_fields({"params": {"most": 4}}, dag.get_template_env())
    assert run(operator)["sent"] == 4


def test_parameters_reach_the_query(heap_sandbox, warehouse, run):
    warehouse.users(10)
    operator = HeapUserSyncOperator(
        task_id="sync",
        model="select email from users where n <= :most",
        parameters={"most": 3},
        sql_conn_id="warehouse",
        identity="email",
    )
    assert run(operator)["sent"] == 3


def test_numbers_come_as_text_from_templates(heap_sandbox, warehouse, run):
    warehouse.users(10)
    operator = HeapUserSyncOperator(
        task_id="sync",
        model="select * from users",
        sql_conn_id="warehouse",
        identity="email",
        batch_size="4",
        concurrency="2",
        fetch_size="3",
        rate_limit="0",
        max_rejected="0",
    )
    assert run(operator)["requests"] == 3


def test_the_report_adds_up_and_is_json(heap_sandbox, warehouse, run):
    warehouse.table("users", [{"email": None, "n": 1}, {"email": "ada", "n": 2}])
    operator = HeapUserSyncOperator(
        task_id="sync", model="select * from users", sql_conn_id="warehouse", identity="email", max_rejected=0.5
    )
    report = run(operator)
    assert json.loads(json.dumps(report)) == report
    assert " ".join(report) == (
        "read unchanged invalid rejected sent truncated requests bytes seconds reasons rejects sync"
    )
    sync = report.pop("sync")
    assert (sync["source"], sync["key"]["columns"]) == ("connection 'warehouse'", ["email"])
    assert report | {"seconds": 0} == {
        "read": 2,
        "unchanged": 0,
        "invalid": 1,
        "rejected": 0,
        "sent": 1,
        "truncated": 0,
        "requests": 1,
        "bytes": heap_sandbox.requests[0].size,
        "seconds": 0,
        "reasons": {"identity_null": 1},
        "rejects": None,
    }


def test_asset_events_get_the_counters(heap_sandbox, warehouse, run):
    class Event:
        def __init__(self):
            self.extra = {}

    warehouse.users(2)
    asset = Asset("heap://users")
    events = {asset: Event()}
    operator = HeapUserSyncOperator(
        task_id="sync", model="select * from users", sql_conn_id="warehouse", identity="email", outlets=[asset]
    )
    report = run(operator, outlet_events=events)
    assert events[asset].extra == {name: value for name, value in report.items() if name != "sync"}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"identity": "a", "user_id": "b", "event": "E"},
        {"identity": "a"},
        {"identity": "a", "event": "E", "event_column": "e"},
    ],
)
def test_an_event_names_exactly_one_person_and_one_event(options):
    with pytest.raises(ValueError, match="takes exactly one of"):
        HeapEventSyncOperator(
            task_id="sync", model="select 1", sql_conn_id="warehouse", insert_id="n", timestamp=None, **options
        )


@pytest.mark.parametrize("options", [{"nested": "flat"}, {"nulls": "keep"}])
def test_a_word_that_is_not_a_choice_is_refused_when_the_dag_is_parsed(options):
    with pytest.raises(ValueError, match=r"^HeapUserSyncOperator 'sync': (nested|nulls) must be"):
        HeapUserSyncOperator(task_id="sync", model="select 1", sql_conn_id="warehouse", **options)


def test_an_event_must_say_where_its_time_is():
    with pytest.raises(TypeError, match="needs timestamp, the column of the time at which the event happened"):
        HeapEventSyncOperator(task_id="sync", model="select 1", insert_id="n", identity="a", event="E")


def test_an_event_carries_all_its_fields(heap_sandbox, warehouse, run):
    warehouse.table("visits", [{"id": 1, "uid": 77, "what": "Visit", "at": "2026-01-01", "session": None, "page": "/"}])
    operator = HeapEventSyncOperator(
        task_id="sync",
        model="select * from visits",
        sql_conn_id="warehouse",
        user_id="uid",
        event_column="what",
        insert_id="id",
        timestamp="at",
        session_id="session",
    )
    run(operator)
    [event] = heap_sandbox.events
    assert event == {
        "event": "Visit",
        "user_id": "77",
        "timestamp": "2026-01-01T00:00:00+00:00",
        "idempotency_key": event["idempotency_key"],
        "properties": {"page": "/"},
    }


def test_a_hook_of_ones_own_serves_where_the_connections_does_not(heap_sandbox, warehouse, run):
    warehouse.users(3)

    class Mine(HeapUserSyncOperator):
        def get_db_hook(self):
            self.sql_conn_id = "warehouse"
            return super().get_db_hook()

    operator = Mine(task_id="sync", model="select * from users", sql_conn_id="heap_default", identity="email")
    assert run(operator)["sent"] == 3


def test_a_model_of_ones_own_needs_no_sql_connection(heap_sandbox, run):
    from contextlib import contextmanager
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Numbers:
        template_fields: ClassVar[tuple[str, ...]] = ("most",)
        most: int

        @contextmanager
        def open(self, source):
            yield Rows(["account_id", "square"], [[(n, n * n) for n in range(self.most)]])

    run(HeapAccountSyncOperator(task_id="sync", model=Numbers(3)))
    assert heap_sandbox.accounts == {"0": {"square": 0}, "1": {"square": 1}, "2": {"square": 4}}


def test_a_rate_limit_below_the_batch_size_makes_smaller_batches(heap_sandbox, warehouse, run):
    warehouse.users(20)
    operator = HeapUserSyncOperator(
        task_id="sync",
        model="select * from users",
        sql_conn_id="warehouse",
        identity="email",
        rate_limit=20,
        batch_size=30,
    )
    assert run(operator)["requests"] == 1


def test_the_rejects_of_each_try_have_a_file_of_their_own(heap_sandbox, warehouse, run, ti, tmp_path):
    warehouse.table("users", [{"email": None, "n": 1}])
    ti.map_index, ti.try_number = 4, 2
    operator = HeapUserSyncOperator(
        task_id="sync",
        model="select * from users",
        sql_conn_id="warehouse",
        identity="email",
        max_rejected=1,
        rejects_path=str(tmp_path),
    )
    assert Path(run(operator)["rejects"]) == tmp_path / "dag" / "task" / ti.run_id / "map-4-try-2.jsonl"


@pytest.mark.parametrize(("map_index", "rate_limit", "warned"), [(0, None, True), (0, 5000, False), (-1, None, False)])
def test_a_mapped_task_with_the_default_pace_is_warned(
    heap_sandbox, warehouse, ti, run, capsys, map_index, rate_limit, warned
):
    warehouse.users(1)
    ti.map_index = map_index
    operator = HeapEventSyncOperator(
        task_id="sync",
        model="select email, n from users",
        sql_conn_id="warehouse",
        insert_id="n",
        identity="email",
        event="Order",
        timestamp=None,
        rate_limit=rate_limit,
    )
    assert run(operator)["sent"] == 1
    assert ("This task is mapped" in "".join(capsys.readouterr())) == warned
