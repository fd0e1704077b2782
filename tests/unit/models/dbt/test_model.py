"""A dbt model becomes a query on the relation that dbt built."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_heap.exceptions import GateError
from airflow_provider_heap.models.dbt import DbtModel
from airflow_provider_heap.models.dbt.model import quoted
from airflow_provider_heap.operators.heap import HeapUserSyncOperator
from tests.unit.models.dbt.project import ARTIFACTS, refusal, sql


@pytest.mark.parametrize(
    ("relation", "adapter", "plain", "odd"),
    [
        ('"postgres"."marts"."dim_users"', "postgres", '"email"', '"Account ""ID"'),
        ("`project`.`marts`.`dim_users`", "bigquery", "`email`", '`Account "ID`'),
        ("[db].[marts].[dim_users]", "sqlserver", "[email]", '[Account "ID]'),
        ('main."dim_users"', "sqlite", '"email"', '"Account ""ID"'),
        ("marts.dim_users", "mysql", "email", '`Account "ID`'),
        ("marts.dim_users", "redshift", "email", '"Account ""ID"'),
        ("ANALYTICS.MARTS.DIM_USERS", "snowflake", '"email"', '"Account ""ID"'),
    ],
)
def test_columns_are_quoted_as_the_relation_is(relation, adapter, plain, odd):
    assert [quoted(name, relation, adapter) for name in ("email", 'Account "ID')] == [plain, odd]


def test_where_narrows_and_an_empty_one_does_not():
    assert sql("dim_users", where="seats > 1").endswith('"dim_users" where seats > 1')
    assert sql("dim_users", where=" ").endswith('"dim_users"')


@pytest.mark.parametrize("columns", ["email", [], ""])
def test_columns_that_are_not_a_list_are_refused(columns):
    assert "columns must be a list of names" in refusal("dim_users", columns=columns)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("people", "ref('aliased')"),
        ("raw.Old Orders", "source('raw', 'Old Orders')"),
        ("versioned", "ref('versioned')"),
        ("versioned.v1", "ref('versioned', v=1)"),
    ],
)
def test_it_has_the_reference_that_dbt_uses(each_version, name, reference):
    assert DbtModel(name, each_version).reference() == reference


def test_its_parameters_are_rendered_and_its_text_is_the_same_in_every_process():
    model = DbtModel("{{ x }}", "/{{ x }}/manifest.json", ["{{ x }}"], "d = '{{ x }}'", require={"tests", "freshness"})
    with DAG(dag_id="d", schedule=None):
        operator = HeapUserSyncOperator(task_id="sync", model=model, sql_conn_id="pg")
    operator.render_template_fields({"x": "7"})
    assert operator.model == DbtModel("7", "/7/manifest.json", ["7"], "d = '7'", ("freshness", "tests"))
    assert "('freshness', 'tests')" in repr(model)


def test_a_refused_model_sends_nothing_and_messages_name_it(heap_sandbox, run):
    operator = HeapUserSyncOperator(
        task_id="sync",
        model=DbtModel("bad_plan", str(ARTIFACTS / "dbt-1.11" / "manifest.json"), require={"tests"}),
        sql_conn_id="warehouse",
        identity="plan",
    )
    with pytest.raises(GateError):
        run(operator)
    assert heap_sandbox.requests == []
    assert operator.source_label == "dbt model 'bad_plan' (connection 'warehouse')"
