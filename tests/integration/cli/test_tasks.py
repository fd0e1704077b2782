"""A command finds a sync in the DAG files and renders it for a run that never happens."""

from __future__ import annotations

from argparse import Namespace

import pendulum
import pytest

from airflow_provider_heap.exceptions import ModelError
from tests.system.dags import AIRFLOW_2

if AIRFLOW_2:
    pytest.skip("Airflow knows commands of providers from 3.2 on", allow_module_level=True)

from airflow.exceptions import AirflowNotFoundException

from airflow_provider_heap.cli.dags import NotFoundError
from airflow_provider_heap.cli.tasks import command, rendered, run_of

DAG = """
from airflow.providers.standard.operators.empty import EmptyOperator

print("printed by the DAG file")
with DAG(dag_id="people", schedule=None, params={"plan": "pro"}):
    common = dict(sql_conn_id="warehouse", identity="email")
    model = "select '{{ ds }} {{ params.plan }} {{ dag_run.conf.get('x') }}'"
    HeapUserSyncOperator(task_id="users", model=model, **common)
    HeapUserSyncOperator.partial(task_id="shards", **common).expand(model=["select 1", "select 2"])
    EmptyOperator(task_id="other")
"""


def arguments(**values):
    return Namespace(
        **{"dag_id": "people", "task_id": "users", "logical_date": None, "conf": None, "map_index": -1, **values}
    )


# The run


@pytest.mark.parametrize(
    ("typed", "date"),
    [
        (None, None),
        ("2026-11-23", pendulum.datetime(2026, 11, 23)),
        ("2026-11-23T10:00:00+02:00", pendulum.datetime(2026, 11, 23, 8)),
    ],
)
def test_the_logical_date_is_iso_8601(typed, date):
    assert run_of(arguments(logical_date=typed)) == {"logical_date": date, "conf": {}}


@pytest.mark.parametrize("typed", ["yesterday", "P1D", "2026-11-01/2026-11-02"])
def test_anything_else_is_refused(typed):
    with pytest.raises(NotFoundError, match="--logical-date must be ISO 8601; found"):
        run_of(arguments(logical_date=typed))


def test_the_conf_is_json():
    assert run_of(arguments(conf='{"x": 1}'))["conf"] == {"x": 1}
    with pytest.raises(NotFoundError, match="--conf must be JSON"):
        run_of(arguments(conf="x=1"))


# The task


def test_a_task_is_rendered_for_its_run(dag_file):
    dag_file(DAG)
    operator, context = rendered(arguments(logical_date="2026-11-23", conf='{"x": 7}'))
    assert operator.model == "select '2026-11-23 pro 7'"
    assert context["ti"].try_number == 1
    assert context["run_id"].startswith("manual__2026-11-23")


def test_without_a_date_the_run_is_of_now(dag_file):
    dag_file(DAG)
    operator, context = rendered(arguments())
    assert operator.model.endswith("pro None'")
    assert context["logical_date"] <= pendulum.now("UTC")


@pytest.mark.parametrize("index", [0, 1])
def test_an_instance_of_a_mapped_task_is_rendered(dag_file, index):
    dag_file(DAG)
    operator, context = rendered(arguments(task_id="shards", map_index=index))
    assert operator.model == f"select {index + 1}"
    assert context["ti"].map_index == index


def test_of_a_mapped_task_somebody_has_to_say_which_instance(dag_file):
    dag_file(DAG)
    with pytest.raises(NotFoundError, match=r"'shards' is mapped: say which instance with --map-index, 0 to 1\."):
        rendered(arguments(task_id="shards"))


@pytest.mark.parametrize("index", [2, 7])
def test_an_instance_that_there_is_not_is_refused_with_those_there_are(dag_file, index):
    dag_file(DAG)
    with pytest.raises(NotFoundError, match=rf"'shards' has no --map-index {index}: it is mapped 2 times: 0 to 1\."):
        rendered(arguments(task_id="shards", map_index=index))


def test_an_instance_of_a_task_that_is_not_mapped_is_refused(dag_file):
    dag_file(DAG)
    with pytest.raises(NotFoundError, match=r"'users' is not mapped: leave --map-index out\."):
        rendered(arguments(map_index=0))


def test_a_task_mapped_over_what_only_a_run_has_says_so(dag_file):
    dag_file("""
from airflow.providers.common.compat.sdk import task

with DAG(dag_id="people", schedule=None):
    @task
    def models():
        return ["select 1"]

    HeapUserSyncOperator.partial(task_id="shards", sql_conn_id="warehouse").expand(model=models())
""")
    with pytest.raises(NotFoundError, match=r"'shards' is mapped: say which instance with --map-index, from 0 on\."):
        rendered(arguments(task_id="shards"))
    with pytest.raises(NotFoundError, match=r"'shards' is mapped over values that only a run has"):
        rendered(arguments(task_id="shards", map_index=0))


@pytest.mark.parametrize(("task_id", "what"), [("other", "is not a sync to Heap"), ("nix", "does not exist")])
def test_a_task_that_is_not_a_sync_is_refused_with_those_there_are(dag_file, task_id, what):
    dag_file(DAG)
    with pytest.raises(NotFoundError, match=rf"Task '{task_id}' of DAG 'people' {what}; its syncs are: '\w+', '\w+'"):
        rendered(arguments(task_id=task_id))


def test_a_misspelt_task_gets_a_suggestion(dag_file):
    dag_file(DAG)
    with pytest.raises(NotFoundError, match=r"Did you mean 'users'\?$"):
        rendered(arguments(task_id="user"))


# The command


@pytest.mark.parametrize("error", [NotFoundError("no"), ModelError("no"), AirflowNotFoundException("no")])
def test_a_command_that_fails_ends_with_its_message_alone(error):
    @command
    def fail(args):
        raise error

    with pytest.raises(SystemExit) as raised:
        fail(Namespace(verbose=False))
    assert raised.value.code == "no"
    assert raised.value.__cause__ is None


def test_an_error_that_nobody_expected_keeps_its_traceback():
    @command
    def fail(args):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail(Namespace(verbose=False))
