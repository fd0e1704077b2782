"""A dbt model is found, quoted and let through its gates by what dbt wrote, whichever version of dbt it was."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.providers.common.compat.sdk import DAG, ObjectStoragePath

from airflow_provider_heap.exceptions import GateError, ModelError
from airflow_provider_heap.models import ReadContext
from airflow_provider_heap.models.dbt import DbtModel
from airflow_provider_heap.models.dbt.model import quoted
from airflow_provider_heap.operators.heap import HeapUserSyncOperator
from tests.conftest import ROOT

#: What these versions of dbt wrote of one project, less the fields that are long and not read.
ARTIFACTS = Path(__file__).parent / "artifacts"
#: Most of what is refused needs no database.
NOWHERE = ReadContext(lambda: pytest.fail("no database is to be asked"))
VERSIONS = ["1.7", "1.8", "1.9", "1.10", "1.11"]


@pytest.fixture(params=VERSIONS)
def each_version(request):
    """The manifest of each version."""
    return str(ARTIFACTS / f"dbt-{request.param}" / "manifest.json")


@pytest.fixture
def target(tmp_path):
    """A target folder that may be changed."""
    return Path(shutil.copytree(ARTIFACTS / "dbt-1.11", tmp_path / "target"))


def sql(name, manifest=ARTIFACTS / "dbt-1.11" / "manifest.json", **options):
    """Return the SQL that reads a model."""
    return DbtModel(name, str(manifest), **options).compile(NOWHERE)


def refusal(name, manifest=ARTIFACTS / "dbt-1.11" / "manifest.json", **options):
    """Return why a model is not read."""
    with pytest.raises(ModelError) as error:
        sql(name, manifest, **options)
    return str(error.value)


def change(path, edit):
    """Change a JSON file."""
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("name", "relation"),
    [
        ("dim_users", '"postgres"."dbt_probe"."dim_users"'),
        ("shop.dim_users", '"postgres"."dbt_probe"."dim_users"'),
        ("model.shop.dim_users", '"postgres"."dbt_probe"."dim_users"'),
        ("aliased", '"postgres"."dbt_probe_marts"."people"'),
        ("people", '"postgres"."dbt_probe_marts"."people"'),
        ("QuotedMixed", '"postgres"."dbt_probe"."Dim Accounts"'),
        ("Dim Accounts", '"postgres"."dbt_probe"."Dim Accounts"'),
        ("users_snapshot", '"postgres"."dbt_probe_snap"."users_snapshot"'),
        ("countries", '"postgres"."dbt_probe"."countries"'),
        ("raw.orders", '"postgres"."dbt_probe_raw"."orders"'),
        ("Old Orders", '"postgres"."dbt_probe_raw"."Old"'),
        ("source.shop.raw.Old Orders", '"postgres"."dbt_probe_raw"."Old"'),
        ("versioned", '"postgres"."dbt_probe"."versioned_v2"'),
        ("versioned.v1", '"postgres"."dbt_probe"."versioned_v1"'),
        ("shop.versioned.v2", '"postgres"."dbt_probe"."versioned_v2"'),
    ],
)
def test_every_version_of_dbt_tells_where_a_model_is_by_each_of_its_names(each_version, name, relation):
    assert sql(name, each_version) == f"select * from {relation}"


def test_a_manifest_is_a_path_a_url_or_a_path_object():
    path = ARTIFACTS / "dbt-1.11" / "manifest.json"
    for manifest in (str(path), f"file://{path}", path, ObjectStoragePath(str(path))):
        assert DbtModel("dim_users", manifest).compile(NOWHERE).endswith('"dim_users"')


def test_a_relative_path_is_seen_from_the_folder_in_which_the_worker_runs(target, monkeypatch):
    monkeypatch.chdir(target.parent)
    assert DbtModel("dim_users").compile(NOWHERE).endswith('"dim_users"')


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
def test_columns_that_are_no_list_are_refused(columns):
    assert "columns must be a list of names" in refusal("dim_users", columns=columns)


def test_an_absent_model_is_told_with_what_there_is_the_like_of_it_first():
    told = refusal("dim_user")
    assert "There is no model, snapshot, seed or source 'dim_user' in /" in told
    assert "of dbt 1.11.16. It has: 'dim_users', 'QuotedMixed', 'after_broken', " in told
    assert "'raw.orders'" in told


def test_a_long_list_of_candidates_is_cut(target):
    def edit(manifest):
        users = manifest["nodes"]["model.shop.dim_users"]
        for n in range(100):
            uid = f"model.shop.m{n:03}"
            manifest["nodes"][uid] = {**users, "unique_id": uid, "name": f"m{n:03}", "alias": f"m{n:03}"}

    change(target / "manifest.json", edit)
    told = refusal("nothing_like_it", target / "manifest.json")
    assert re.search(r"and \d\d more\.$", told)
    assert len(told) < 1000


def test_a_name_of_more_than_one_thing_is_refused_naming_each(target):
    def edit(manifest):
        other = {**manifest["nodes"]["model.shop.dim_users"], "unique_id": "model.pkg.x", "package_name": "pkg"}
        manifest["nodes"]["model.pkg.x"] = other
        manifest["nodes"]["model.shop.fct_orders"]["alias"] = "dim_users"

    change(target / "manifest.json", edit)
    told = refusal("dim_users", target / "manifest.json")
    assert "may mean more than one thing" in told
    assert "'model.pkg.x', 'model.shop.dim_users', 'model.shop.fct_orders'. Name one of these." in told
    assert sql("pkg.dim_users", target / "manifest.json").endswith('"dim_users"')


def test_versions_without_a_latest_one_are_ambiguous(target):
    def edit(manifest):
        for node in manifest["nodes"].values():
            node["latest_version"] = None

    change(target / "manifest.json", edit)
    assert "'model.shop.versioned.v1', 'model.shop.versioned.v2'" in refusal("versioned", target / "manifest.json")


def test_a_model_wins_over_a_source_whose_table_has_its_name(target):
    def edit(manifest):
        manifest["sources"]["source.shop.raw.orders"]["name"] = "dim_users"

    change(target / "manifest.json", edit)
    assert sql("dim_users", target / "manifest.json").endswith('"dbt_probe"."dim_users"')
    assert sql("raw.dim_users", target / "manifest.json").endswith('"dbt_probe_raw"."orders"')


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("eph", "is ephemeral: dbt keeps no table or view of it"),
        ("off", "'off' is disabled"),
        ("shop.off", "is disabled"),
        ("an", "of the kind 'analysis', which has no rows"),
        ("assert_users", "of the kind 'test', which has no rows"),
        ("test.shop.assert_users", "of the kind 'test', which has no rows"),
    ],
)
def test_what_has_no_rows_is_refused_with_the_reason(each_version, name, reason):
    assert reason in refusal(name, each_version)


def test_a_manifest_without_relation_names_is_refused(target):
    change(target / "manifest.json", lambda manifest: manifest["nodes"]["model.shop.dim_users"].pop("relation_name"))
    assert "has no relation_name" in refusal("dim_users", target / "manifest.json")


def test_a_manifest_that_is_not_there_or_none_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = refusal("x", "target/manifest.json")
    assert (
        f"There is no {tmp_path}/target/manifest.json (manifest='target/manifest.json' is relative to the folder"
        in told
    )
    assert "There is no /nowhere/manifest.json. dbt writes it" in refusal("x", "/nowhere/manifest.json")
    assert "is a folder; name the file" in refusal("x", tmp_path)
    assert "manifest is empty" in refusal("x", "")
    for content in ("", '{"nodes"', "[]", '{"metadata": {}}'):
        (tmp_path / "manifest.json").write_text(content)
        assert "is not manifest.json as dbt writes it" in refusal("x", tmp_path / "manifest.json")


def test_a_model_whose_tests_passed_or_only_warned_goes_through(each_version):
    for name in ("dim_users", "users_snapshot", "countries", "aliased", "fct_orders", "tested.checked", "versioned"):
        assert sql(name, each_version, require={"tests"})


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("broken", "'model.shop.broken' itself has the status 'error'"),
        ("after_broken", "itself has the status 'skipped'"),
        ("bad_plan", "1 of 2 dbt tests on 'model.shop.bad_plan' did not pass"),
    ],
)
def test_a_model_that_failed_or_was_skipped_or_whose_test_failed_is_refused(each_version, name, reason):
    with pytest.raises(GateError, match=reason):
        sql(name, each_version, require={"tests"})
    assert sql(name, each_version)


def test_a_failed_test_is_named_with_its_count():
    told = refusal("bad_plan", require="tests")
    assert "'not_null_bad_plan_plan' (fail, 1 failure)" in told
    assert "accepted_values" not in told


def test_a_failed_unit_test_counts_too(target):
    def edit(results):
        for result in results["results"]:
            if result["unique_id"].startswith("unit_test."):
                result["status"] = "fail"

    change(target / "run_results.json", edit)
    assert "'plans_stay' (fail)" in refusal("aliased", target / "manifest.json", require={"tests"})


def test_a_test_of_two_models_is_on_the_one_it_is_written_at(target):
    def edit(results):
        for result in results["results"]:
            if ".relationships_" in result["unique_id"]:
                result.update(status="fail", failures=2)

    change(target / "run_results.json", edit)
    assert "relationships" in refusal("fct_orders", target / "manifest.json", require={"tests"})
    assert sql("dim_users", target / "manifest.json", require={"tests"})


@pytest.mark.parametrize("command", ["compile", "generate", "show"])
def test_the_success_of_a_command_that_builds_nothing_is_not_believed(target, command):
    change(target / "run_results.json", lambda results: results["args"].update(which=command))
    told = refusal("dim_users", target / "manifest.json", require={"tests"})
    assert f"was written by 'dbt {command}', which neither builds nor tests" in told


def test_tests_that_were_not_run_are_told(target):
    def edit(results):
        results["results"] = [result for result in results["results"] if result["unique_id"].startswith("model.")]

    change(target / "run_results.json", edit)
    told = refusal("dim_users", target / "manifest.json", require={"tests"})
    assert "None of the 3 dbt tests on 'model.shop.dim_users' was run" in told
    assert "'unique_dim_users_email'" in told


def test_results_of_other_models_prove_nothing(target):
    change(target / "run_results.json", lambda results: results.update(results=[]))
    told = refusal("countries", target / "manifest.json", require={"tests"})
    assert "run_results.json says nothing about 'seed.shop.countries'" in told


def test_a_model_of_fresh_sources_goes_through_and_one_of_a_stale_source_is_refused(each_version):
    assert sql("fct_orders", each_version, require={"freshness", "tests"})
    assert sql("raw.orders", each_version, require={"freshness"})
    for name in ("old_orders", "raw.Old Orders"):
        with pytest.raises(GateError, match=r"'source.shop.raw.Old Orders' \(error, loaded 2026-11-15T"):
            sql(name, each_version, require=["freshness"])


def test_freshness_that_can_not_be_looked_at_is_refused(target):
    manifest = target / "manifest.json"
    assert "is made from no source" in refusal("dim_users", manifest, require={"freshness"})
    assert "says nothing about the sources of" in refusal("tested.checked", manifest, require={"freshness"})
    (target / "sources.json").unlink()
    assert f"There is no {target}/sources.json" in refusal("fct_orders", manifest, require={"freshness"})
    (target / "run_results.json").unlink()
    assert f"There is no {target}/run_results.json" in refusal("fct_orders", manifest, require={"tests"})


def test_an_old_artifact_is_refused(target):
    now = datetime.now(UTC)

    def made(hours):
        return lambda content: content["metadata"].update(
            generated_at=(now - timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
        )

    manifest = target / "manifest.json"
    change(manifest, made(hours=5))
    change(target / "run_results.json", made(hours=7))
    assert sql("dim_users", manifest, max_age=timedelta(hours=6))
    with pytest.raises(GateError, match=r"manifest.json was written at .*, 5:00:\d\d ago, and max_age is 4:00:00"):
        sql("dim_users", manifest, max_age=timedelta(hours=4))
    with pytest.raises(GateError, match=r"run_results\.json was written at"):
        sql("dim_users", manifest, max_age=timedelta(hours=6), require={"tests"})
    change(manifest, lambda content: content["metadata"].pop("generated_at"))
    assert "does not say when dbt wrote it" in refusal("dim_users", manifest, max_age=timedelta(hours=6))


@pytest.mark.parametrize("require", [{"test"}, "fresh", None, 3, ["tests", "x"]])
def test_a_gate_that_does_not_exist_is_refused(require):
    assert 'require takes "tests" and "freshness"' in refusal("dim_users", require=require)


@pytest.mark.parametrize("max_age", [6, "6h", timedelta(0)])
def test_an_age_that_is_no_time_is_refused(max_age):
    assert "max_age must be a time, such as timedelta(hours=6)" in refusal("dim_users", max_age=max_age)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("people", "ref('aliased')"),
        ("raw.Old Orders", "source('raw', 'Old Orders')"),
        ("versioned", "ref('versioned')"),
        ("versioned.v1", "ref('versioned', v=1)"),
    ],
)
def test_it_says_how_dbt_refers_to_it(each_version, name, reference):
    assert DbtModel(name, each_version).reference() == reference


def test_its_parameters_are_rendered_and_its_text_is_the_same_in_every_process():
    model = DbtModel("{{ x }}", "/{{ x }}/manifest.json", ["{{ x }}"], "d = '{{ x }}'", require={"tests", "freshness"})
    with DAG(dag_id="d", schedule=None):
        operator = HeapUserSyncOperator(task_id="sync", model=model, sql_conn_id="pg")
    operator.render_template_fields({"x": "7"})
    assert operator.model == DbtModel("7", "/7/manifest.json", ["7"], "d = '7'", ("freshness", "tests"))
    assert "('freshness', 'tests')" in repr(model)


def test_a_refusal_comes_before_anything_is_sent_and_messages_say_what_is_read(heap_sandbox, run):
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


def test_a_large_manifest_takes_little_more_memory_than_its_bytes(tmp_path):
    manifest = json.loads((ARTIFACTS / "dbt-1.11" / "manifest.json").read_text())
    users = manifest["nodes"]["model.shop.dim_users"]
    for n in range(2_000):
        more = {"unique_id": f"model.shop.m{n}", "name": f"m{n}", "alias": f"m{n}"}
        manifest["nodes"][more["unique_id"]] = {**users, **more, "raw_code": "select 1 -- \n" * 700}
        manifest["macros"][f"macro.{n}"] = {"macro_sql": "{{ x }}" * 700}
    large = tmp_path / "manifest.json"
    large.write_text(json.dumps(manifest))
    code = (
        "import resource, sys; from airflow_provider_heap.models.dbt import DbtModel\n"
        "for path in sys.argv[1:]:\n"
        "    DbtModel('dim_users', path).compile(None)\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(ARTIFACTS / "dbt-1.11" / "manifest.json"), str(large)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    before, after = map(int, done.stdout.splitlines()[-2:])
    assert (after - before) * 1024 < 1.5 * large.stat().st_size
