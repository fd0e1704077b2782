"""Syncs from what a real dbt built, by its own artifacts, and the example DAG that runs dbt first."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
import yaml

from airflow_provider_heap.exceptions import GateError, ModelError
from airflow_provider_heap.models.dbt import DbtModel
from airflow_provider_heap.operators.heap import HeapAccountSyncOperator, HeapUserSyncOperator
from tests.conftest import ROOT, _absent, connect
from tests.system import dbt
from tests.system.dags import AIRFLOW_2, load, run_dag


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The project as ``dbt build`` left it."""
    database = connect()
    try:
        programs = dbt.install(tmp_path_factory.mktemp("dbt") / "venv")
    except subprocess.CalledProcessError as error:
        _absent(f"dbt can't be installed: {error.stderr.strip().splitlines()[-1:]}")
    found = dbt.Shop(tmp_path_factory.mktemp("project"), programs, database)
    built = found.run("build")
    assert "Done. PASS=" in built.stdout, built.stdout + built.stderr
    yield found
    found.drop()
    database.close()


def sync(run, name, shop, operator=HeapUserSyncOperator, **options):
    """Sync a model of the project through the connection ``pg``."""
    gates = {key: options.pop(key) for key in ("columns", "where", "require", "max_age") if key in options}
    task = operator(task_id="sync", model=DbtModel(name, shop.manifest, **gates), sql_conn_id="pg", **options)
    return run(task)


def test_a_model_whose_tests_passed_is_brought_from_where_dbt_built_it(shop, heap_sandbox, postgres, run):
    report = sync(run, "dim_users", shop, identity="email", require={"tests"})
    assert report["sent"] == 3
    assert heap_sandbox.users["ada@x.com"] == {"company_id": 1, "plan": "pro", "is_free": "false", "orders": 1}


def test_an_alias_in_a_schema_of_its_own_with_names_in_mixed_case_is_found_and_quoted(
    shop, heap_sandbox, postgres, run
):
    for name in ("accounts", "Dim Accounts"):
        sync(run, name, shop, HeapAccountSyncOperator, account_id="Account ID", columns=["Account ID", "Seats"])
        assert heap_sandbox.accounts == {"1": {"Seats": 2}, "2": {"Seats": 1}}
        heap_sandbox.reset()


@pytest.mark.parametrize(
    ("name", "identity", "count"), [("users_snapshot", "email", 3), ("plans", "plan", 2), ("raw.Users", "email", 3)]
)
def test_snapshots_seeds_and_sources_serve_too(shop, heap_sandbox, postgres, run, name, identity, count):
    assert sync(run, name, shop, identity=identity)["sent"] == count


def test_columns_match_but_for_their_case_and_one_that_is_not_there_is_told(shop, heap_sandbox, postgres, run):
    sync(run, "accounts", shop, HeapAccountSyncOperator, account_id="Account ID", columns=["ACCOUNT ID", "seats"])
    assert heap_sandbox.accounts == {"1": {"Seats": 2}, "2": {"Seats": 1}}
    with pytest.raises(
        ModelError,
        match=r"columns needs the column 'plans': no such column\. Did you mean 'plan'\? The model has: 'email', ",
    ):
        sync(run, "dim_users", shop, identity="email", columns=["email", "plans"])


@pytest.mark.skipif(AIRFLOW_2, reason="Airflow 2 keeps its collector of lineage elsewhere")
def test_the_relation_that_is_read_is_lineage_once_also_when_its_columns_were_looked_up(
    shop, heap_sandbox, postgres, run, monkeypatch
):
    from airflow.sdk import lineage

    # Unless something reads lineage, Airflow's own collector forgets what it is told.
    own = lineage.HookLineageCollector()
    monkeypatch.setattr(lineage, "get_hook_lineage_collector", lambda: own)
    model = DbtModel("accounts", shop.manifest, columns=["Account ID"])
    operator = HeapAccountSyncOperator(task_id="sync", model=model, sql_conn_id="pg", account_id="Account ID")
    run(operator)
    told = operator.get_openlineage_facets_on_complete(None)
    database = shop.database.info.dbname
    assert [table.name for table in told.inputs] == [f"{database}.{shop.schema}_marts.Dim Accounts"]
    assert told.job_facets["sql"].query == f'select "Account ID" from "{database}"."{shop.schema}_marts"."Dim Accounts"'


def test_where_and_columns_narrow_and_parameters_are_bound(shop, heap_sandbox, postgres, run):
    options = {"columns": ["email", "plan"], "where": "plan = %(plan)s", "parameters": {"plan": "team"}}
    sync(run, "dim_users", shop, identity="email", **options)
    assert heap_sandbox.users == {"eve@x.com": {"plan": "team"}}


def test_the_database_compares_the_rows_that_dbt_built(shop, heap_sandbox, postgres, run, tmp_path, monkeypatch):
    [[schema]] = postgres.execute("select current_schema()").fetchall()
    monkeypatch.setenv("AIRFLOW_CONN_STATE", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "state.db")}))
    for sent in (3, 0):
        state = {"state_conn_id": "state", "diff_schema": schema}
        report = sync(run, "dim_users", shop, identity="email", require={"tests"}, **state)
        assert (report["sent"], report["read"]) == (sent, 3)
    assert heap_sandbox.users["ada@x.com"] == {"company_id": 1, "plan": "pro", "is_free": "false", "orders": 1}


def test_a_model_whose_test_failed_is_refused_and_nothing_is_sent(shop, heap_sandbox, postgres, run):
    with pytest.raises(GateError, match="'unique_unpaid_invoice' \\(fail, 1 failure\\)"):
        sync(run, "unpaid", shop, identity="email", require={"tests"})
    assert heap_sandbox.requests == []
    assert sync(run, "unpaid", shop, identity="email", max_rejected=1)["sent"] == 1


@pytest.mark.parametrize(("name", "why"), [("clean_orders", "is ephemeral"), ("retired", "is disabled")])
def test_what_dbt_did_not_build_is_refused(shop, heap_sandbox, postgres, run, name, why):
    with pytest.raises(ModelError, match=why):
        sync(run, name, shop, identity="email")


def exposures(*arguments, **environment):
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "airflow", "heap", "exposures", *arguments]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)


@pytest.mark.skipif(AIRFLOW_2, reason="Airflow knows a provider's commands from 3.2 on")
def test_dbt_takes_the_exposures_that_are_printed_for_it(shop, tmp_path):
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "syncs.py").write_text(
        """
from airflow.providers.common.compat.sdk import DAG
from airflow_provider_heap.models.dbt import DbtModel
from airflow_provider_heap.operators.heap import HeapUserSyncOperator
print("what a DAG file prints")
with DAG(dag_id="to-heap", schedule=None, default_args={"owner": "growth"}, params={"table": "raw.Users"}):
    HeapUserSyncOperator(task_id="sql", model="select 1")
    HeapUserSyncOperator(task_id="alias", model=DbtModel("Dim Accounts", MANIFEST))
    HeapUserSyncOperator(task_id="templated", model=DbtModel("{{ params.table }}", MANIFEST))
    HeapUserSyncOperator(task_id="absent", model=DbtModel("nothing", MANIFEST))
    HeapUserSyncOperator.partial(task_id="mapped").expand(
        model=[DbtModel("dim_users", MANIFEST), DbtModel("plans", MANIFEST)])
""".replace("MANIFEST", repr(shop.manifest))
    )
    folder = {"AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags"), "AIRFLOW__API__BASE_URL": "https://airflow.x.com/"}
    done = exposures("to-heap", **folder)
    assert done.returncode == 1
    assert "to-heap.absent is left out: There is no model, snapshot, seed or source 'nothing'" in done.stderr
    assert "Traceback" not in done.stderr
    told = yaml.safe_load(done.stdout)["exposures"]
    assert [(exposure["name"], exposure["depends_on"]) for exposure in told] == [
        ("to_heap_alias", ["ref('accounts')"]),
        ("to_heap_templated", ["source('raw', 'Users')"]),
        ("to_heap_mapped", ["ref('dim_users')", "ref('plans')"]),
    ]
    assert (told[0]["owner"], told[0]["url"]) == ({"name": "growth"}, "https://airflow.x.com/dags/to-heap")
    path = shop.folder / "models" / "exposures.yml"
    path.write_text(done.stdout)
    try:
        parsed = shop.run("parse", "--target-path", str(tmp_path / "target"))
        assert parsed.returncode == 0, parsed.stdout
    finally:
        path.unlink()
    known = json.loads((tmp_path / "target" / "manifest.json").read_text())["exposures"]
    assert known["exposure.shop.to_heap_mapped"]["depends_on"]["nodes"] == ["model.shop.dim_users", "seed.shop.plans"]
    missing = exposures("nope", **folder)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "There is no DAG 'nope'" in missing.stderr


def test_the_dbt_dag_builds_tests_and_syncs_although_a_test_of_another_model_fails(
    shop, heap_sandbox, postgres, monkeypatch
):
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", os.environ["AIRFLOW_CONN_PG"])
    for name, value in shop.environment.items():
        monkeypatch.setenv(name, value)
    dag = load(ROOT / "dags" / "heap_dbt.py")["heap_dbt"]
    states, _ = run_dag(dag)
    assert states == {"dbt_build": "failed", "users": "success", "accounts": "success"}
    assert heap_sandbox.users == {
        "ada@x.com": {"Company ID": 1, "Plan": "pro", "Orders": 1},
        "eve@x.com": {"Company ID": 2, "Plan": "team", "Orders": 0},
    }
    assert heap_sandbox.accounts == {"1": {"Seats": 2}, "2": {"Seats": 1}}
    sources = json.loads((shop.folder / "target" / "sources.json").read_text())
    assert re.search(r"'status': 'pass'", str(sources))
