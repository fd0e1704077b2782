"""dbt's own results decide whether a model may be sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_heap.exceptions import GateError
from tests.unit.models.dbt.project import change, refusal, sql


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
    message = refusal("bad_plan", require="tests")
    assert "'not_null_bad_plan_plan' (fail, 1 failure)" in message
    assert "accepted_values" not in message


def test_a_failed_unit_test_counts_too(target):
    def edit(results):
        for result in results["results"]:
            if result["unique_id"].startswith("unit_test."):
                result["status"] = "fail"

    change(target / "run_results.json", edit)
    assert "'plans_stay' (fail)" in refusal("aliased", target / "manifest.json", require={"tests"})


def test_a_test_of_two_models_is_on_the_one_that_declares_it(target):
    def edit(results):
        for result in results["results"]:
            if ".relationships_" in result["unique_id"]:
                result.update(status="fail", failures=2)

    change(target / "run_results.json", edit)
    assert "relationships" in refusal("fct_orders", target / "manifest.json", require={"tests"})
    assert sql("dim_users", target / "manifest.json", require={"tests"})


@pytest.mark.parametrize("command", ["compile", "generate", "show"])
def test_the_success_of_a_command_that_builds_nothing_does_not_count(target, command):
    change(target / "run_results.json", lambda results: results["args"].update(which=command))
    message = refusal("dim_users", target / "manifest.json", require={"tests"})
    assert f"was written by 'dbt {command}', which neither builds nor tests" in message


def test_tests_that_were_not_run_are_named(target):
    def edit(results):
        results["results"] = [result for result in results["results"] if result["unique_id"].startswith("model.")]

    change(target / "run_results.json", edit)
    message = refusal("dim_users", target / "manifest.json", require={"tests"})
    assert "None of the 3 dbt tests on 'model.shop.dim_users' was run" in message
    assert "'unique_dim_users_email'" in message


def test_results_of_other_models_prove_nothing(target):
    change(target / "run_results.json", lambda results: results.update(results=[]))
    message = refusal("countries", target / "manifest.json", require={"tests"})
    assert "run_results.json says nothing about 'seed.shop.countries'" in message


def test_a_model_of_fresh_sources_goes_through_and_one_of_a_stale_source_is_refused(each_version):
    assert sql("fct_orders", each_version, require={"freshness", "tests"})
    assert sql("raw.orders", each_version, require={"freshness"})
    for name in ("old_orders", "raw.Old Orders"):
        with pytest.raises(GateError, match=r"'source.shop.raw.Old Orders' \(error, loaded 2026-11-15T"):
            sql(name, each_version, require=["freshness"])


def test_freshness_that_cannot_be_checked_is_refused(target):
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
def test_an_age_that_is_not_a_time_is_refused(max_age):
    assert "max_age must be a time, such as timedelta(hours=6)" in refusal("dim_users", max_age=max_age)
