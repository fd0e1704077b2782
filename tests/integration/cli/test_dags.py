"""DAGs are found in the DAG files by their ID, and what is wrong with a file is said."""

from __future__ import annotations

import pytest

from tests.system.dags import AIRFLOW_2

if AIRFLOW_2:
    pytest.skip("Airflow knows commands of providers from 3.2 on", allow_module_level=True)

from airflow_provider_heap.cli.dags import NotFoundError, all_dags, find_dag, sync_ids

DAG = """
from airflow.providers.standard.operators.empty import EmptyOperator

print("printed by the DAG file")
with DAG(dag_id="people", schedule=None):
    common = dict(sql_conn_id="warehouse", identity="email")
    HeapUserSyncOperator(task_id="users", model="select 1", **common)
    HeapUserSyncOperator.partial(task_id="shards", **common).expand(model=["select 1", "select 2"])
    EmptyOperator(task_id="other")
"""
BROKEN = "\nraise ValueError('what went wrong')\n"


def test_a_dag_is_found_and_its_syncs_are_told_apart_from_other_tasks(dag_file, capsys):
    dag_file(DAG)
    dag = find_dag("people")
    assert sorted(sync_ids(dag)) == ["shards", "users"]
    assert "printed by the DAG file" not in capsys.readouterr().out


def test_a_dag_that_does_not_exist_is_named_with_the_files_that_could_not_be_parsed(dag_file):
    dag_file(BROKEN)
    with pytest.raises(NotFoundError) as raised:
        find_dag("people")
    assert "There is no DAG 'people'" in str(raised.value)
    assert "test_dag.py could not be parsed:\n" in str(raised.value)
    assert str(raised.value).endswith("    ValueError: what went wrong")


def test_all_lines_of_an_error_are_shown(dag_file):
    dag_file('HeapUserSyncOperator(task_id="users", model="select 1", sql_conn_id="warehouse", identty="email")')
    with pytest.raises(NotFoundError) as raised:
        find_dag("people")
    assert "HeapUserSyncOperator" in str(raised.value)
    assert "identty" in str(raised.value)


def test_a_misspelt_dag_gets_a_suggestion_and_another_one_the_list(dag_file):
    dag_file(DAG)
    with pytest.raises(NotFoundError, match=r"There is no DAG 'peple' in the DAG bundles. Did you mean 'people'\?$"):
        find_dag("peple")
    with pytest.raises(NotFoundError, match=r"There is no DAG 'x' in the DAG bundles. There are: 'people'\.$"):
        find_dag("x")


def test_all_dags_come_in_order_and_what_could_not_be_parsed_is_said_on_stderr(dag_file, tmp_path, capsys):
    dag_file(DAG)
    (tmp_path / "dags" / "another.py").write_text(
        "from airflow.sdk import DAG\nfor name in 'ba':\n    globals()[name] = DAG(dag_id=name, schedule=None)\n"
    )
    (tmp_path / "dags" / "broken_dag.py").write_text("from airflow.sdk import DAG" + BROKEN)
    assert [dag.dag_id for dag in all_dags()] == ["a", "b", "people"]
    printed = capsys.readouterr()
    assert "printed by the DAG file" not in printed.out
    assert "broken_dag.py could not be parsed:\n" in printed.err
    assert "ValueError: what went wrong" in printed.err
