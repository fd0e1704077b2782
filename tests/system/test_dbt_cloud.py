"""The artifacts of a dbt Cloud job, fetched by the official provider from a stand-in over HTTPS."""

from __future__ import annotations

import json

import pytest

from airflow_provider_heap.exceptions import GateError, ModelError, ModelUnavailableError
from airflow_provider_heap.models.dbt import DbtCloudArtifacts, DbtModel
from airflow_provider_heap.operators.heap import HeapUserSyncOperator
from tests.system.dbt_cloud import DbtCloud, certificate
from tests.unit.models.dbt.project import ARTIFACTS, NOWHERE

pytest.importorskip("airflow.providers.dbt.cloud")


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    """The certificate that the stand-in shows."""
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def connect(monkeypatch):
    """A way to make the connection ``dbt_cloud_default``."""

    def make(**options):
        found = {"conn_type": "dbt_cloud", "login": str(DbtCloud.account), "password": DbtCloud.token, **options}
        monkeypatch.setenv("AIRFLOW_CONN_DBT_CLOUD_DEFAULT", json.dumps(found))

    return make


@pytest.fixture
def cloud(identity, connect, monkeypatch):
    """The stand-in, and the connection to it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(identity))
    with DbtCloud(identity, ARTIFACTS / "dbt-1.11") as found:
        connect(host=found.host)
        yield found


def refusal(kind=ModelError, **options):
    """Return why a model is not read."""
    with pytest.raises(kind) as error:
        DbtModel("dim_users", DbtCloudArtifacts(**options)).compile(NOWHERE)
    assert DbtCloud.token not in str(error.value)
    return str(error.value)


def test_the_latest_finished_run_of_a_job_is_taken_whether_it_succeeded_or_not(cloud):
    model = DbtModel("dim_users", DbtCloudArtifacts(job_id=cloud.job), require={"tests"})
    assert model.compile(NOWHERE) == 'select * from "postgres"."dbt_probe"."dim_users"'
    assert [path.partition("?")[0].rpartition("11/")[2] for path in cloud.requests] == [
        "runs/",
        "runs/902/artifacts/manifest.json",
        "runs/902/artifacts/run_results.json",
    ]


def test_one_run_and_one_step_may_be_named_also_as_text_and_gates_hold(cloud):
    artifacts = DbtCloudArtifacts(run_id="901", account_id="11", step="2")
    with pytest.raises(
        GateError, match=r"according to run_results.json of dbt Cloud's run 901, step 2: 'not_null_bad_plan"
    ):
        DbtModel("bad_plan", artifacts, require={"tests"}).compile(NOWHERE)
    assert cloud.requests[0].endswith("/runs/901/artifacts/manifest.json?step=2")


def test_its_parameters_are_rendered_inside_of_the_model():
    model = DbtModel("dim_users", DbtCloudArtifacts(run_id="{{ x }}", dbt_cloud_conn_id="cloud_{{ x }}"))
    operator = HeapUserSyncOperator(task_id="sync", model=model, sql_conn_id="pg")
    operator.render_template_fields({"x": "7"})
    assert operator.model.manifest == DbtCloudArtifacts(run_id="7", dbt_cloud_conn_id="cloud_7")


def test_what_does_not_exist_or_may_not_be_seen_is_told(cloud, connect):
    assert "None of the latest 20 runs of job 71 in dbt Cloud (connection 'dbt_cloud_default')" in refusal(job_id=71)
    assert "answered 404 when asked for manifest.json of dbt Cloud's run 5: it does not exist" in refusal(run_id=5)
    assert "needs a job_id or a run_id" in refusal(job_id="None")
    assert "run_id of DbtCloudArtifacts must be a number; found 'abc'" in refusal(run_id="abc")
    connect(host=cloud.host, password="wrong")
    assert "answered 401 when asked for the runs of job 70: its API token is not accepted" in refusal(job_id=70)
    connect(host=cloud.host, login=None)
    assert "dbt Cloud (connection 'dbt_cloud_default') cannot be used: " in refusal(job_id=70)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_dbt_cloud_that_is_down_is_worth_another_try(cloud, status):
    cloud.status = status
    assert f"answered {status}" in refusal(ModelUnavailableError, job_id=70)


def test_a_dbt_cloud_that_can_not_be_reached_is_worth_another_try(connect):
    connect(host="127.0.0.1:1")
    assert "could not be reached (ConnectionError)" in refusal(ModelUnavailableError, job_id=70)
