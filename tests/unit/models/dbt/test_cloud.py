"""The latest finished run of a job is found; what dbt Cloud answers says whether a retry is worth it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import requests
from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_heap.exceptions import ModelError, ModelUnavailableError
from airflow_provider_heap.models.dbt import DbtCloudArtifacts

hooks = pytest.importorskip("airflow.providers.dbt.cloud.hooks.dbt")


class Hook:
    """dbt Cloud's hook: the runs of a job, and what it was asked for. ``error`` is raised by the next request."""

    runs = ()
    error = None
    asked = ()

    def __init__(self, conn_id):
        self.conn_id = conn_id

    def get_job_runs(self, account_id, payload):
        return self._answer("runs", account_id, payload, json=lambda: {"data": [*Hook.runs]})

    def get_job_run_artifact(self, run_id, path, account_id, step):
        return self._answer("artifact", run_id, path, account_id, step, content=b"{}")

    def _answer(self, *asked, **response):
        Hook.asked = [*Hook.asked, (self.conn_id, *asked)]
        if isinstance(Hook.error, AirflowException):
            # The hook raises its own error while it handles that of requests.
            try:
                if Hook.error.args[1:]:
                    raise Hook.error.args[1]
            except requests.RequestException:
                raise AirflowException(Hook.error.args[0])  # noqa: B904
        if Hook.error is not None:
            raise Hook.error
        return SimpleNamespace(**response)


@pytest.fixture(autouse=True)
def hook(monkeypatch):
    monkeypatch.setattr(hooks, "DbtCloudHook", Hook)
    monkeypatch.setattr(Hook, "asked", [])
    monkeypatch.setattr(Hook, "error", None)
    return Hook


def http_error(status):
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError(f"{status} secret", response=response)


def test_the_latest_run_that_finished_is_used_whether_it_succeeded_or_not(hook):
    hook.runs = [
        {"id": 904, "status": 30},
        {"id": 903, "status": 3},
        {"id": 902, "status": 20},
        {"id": 1, "status": 10},
    ]
    artifacts = DbtCloudArtifacts(job_id=" 70 ", dbt_cloud_conn_id="cloud", account_id="11").open()
    assert artifacts.read("manifest.json") == b"{}"
    assert artifacts.label("manifest.json") == "manifest.json of dbt Cloud's run 902"
    runs, artifact = hook.asked
    assert runs == ("cloud", "runs", 11, {"job_definition_id": 70, "order_by": "-id", "limit": 20})
    assert artifact == ("cloud", "artifact", 902, "manifest.json", 11, None)


def test_a_run_and_a_step_may_be_named_and_no_job_is_asked_about(hook):
    artifacts = DbtCloudArtifacts(run_id="905", step="2", job_id="None", account_id="").open()
    artifacts.read("run_results.json")
    assert hook.asked == [("dbt_cloud_default", "artifact", 905, "run_results.json", None, 2)]
    assert artifacts.label("run_results.json") == "run_results.json of dbt Cloud's run 905, step 2"


@pytest.mark.parametrize("runs", [[], None, [{"id": 903, "status": 3}]])
def test_a_job_that_never_finished_is_refused(hook, monkeypatch, runs):
    monkeypatch.setattr(hook, "runs", runs or ())
    with pytest.raises(ModelError, match="None of the latest 20 runs of job 70 in dbt Cloud"):
        DbtCloudArtifacts(70).open()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "needs a job_id or a run_id"),
        ({"job_id": ""}, "needs a job_id or a run_id"),
        ({"job_id": "nightly"}, "job_id of DbtCloudArtifacts must be a number; found 'nightly'"),
        ({"run_id": "last"}, "run_id of DbtCloudArtifacts must be a number"),
        ({"run_id": 1, "step": "first"}, "step of DbtCloudArtifacts must be a number"),
        ({"run_id": 1, "account_id": "mine"}, "account_id of DbtCloudArtifacts must be a number"),
    ],
)
def test_numbers_are_numbers(parameters, message):
    with pytest.raises(ModelError, match=message):
        DbtCloudArtifacts(**parameters).open()


@pytest.mark.parametrize("wrap", [True, False], ids=["by the hook", "as it is"])
@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (401, ModelError, "answered 401 when asked for the runs of job 70: its API token is not accepted"),
        (403, ModelError, "has no access"),
        (404, ModelError, "does not exist; check the number and the account"),
        (422, ModelError, "the request was refused"),
        (408, ModelUnavailableError, "answered 408"),
        (425, ModelUnavailableError, "answered 425"),
        (429, ModelUnavailableError, "answered 429"),
        (500, ModelUnavailableError, "answered 500 when asked for the runs of job 70"),
    ],
)
def test_an_answer_says_whether_a_retry_is_worth_it(hook, status, kind, message, wrap):
    hook.error = AirflowException("secret", http_error(status)) if wrap else http_error(status)
    with pytest.raises(kind, match=message) as raised:
        DbtCloudArtifacts(70, dbt_cloud_conn_id="cloud").open()
    assert "dbt Cloud (connection 'cloud')" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_cloud_that_is_away_is_worth_a_retry(hook):
    hook.error = requests.ConnectionError("away")
    with pytest.raises(ModelUnavailableError, match=r"could not be reached \(ConnectionError\)"):
        DbtCloudArtifacts(70).open()


def test_a_connection_that_cannot_work_is_not(hook):
    hook.error = AirflowException("the connection lacks a token")
    with pytest.raises(ModelError, match="cannot be used: the connection lacks a token"):
        DbtCloudArtifacts(70).open()
