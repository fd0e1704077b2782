"""The artifacts of a dbt Cloud job, through the official dbt Cloud provider (extra ``dbt-cloud``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_heap.api.response import is_transient
from airflow_provider_heap.exceptions import ModelError, ModelUnavailableError
from airflow_provider_heap.models.dbt.artifacts import Artifacts

if TYPE_CHECKING:
    from airflow.providers.dbt.cloud.hooks.dbt import DbtCloudHook

#: dbt Cloud's codes of runs that have ended and have artifacts: success and error
#: (https://docs.getdbt.com/dbt-cloud/api-v2).
_FINISHED = frozenset({10, 20})
#: How many of the latest runs are searched for a finished one.
_MAX_RUNS_SEARCHED = 20


@dataclass(frozen=True)
class DbtCloudArtifacts:
    """
    The artifacts of a run of a dbt Cloud job.

    :param job_id: the job; its latest finished run is used, whether it succeeded or not. (templated)
    :param dbt_cloud_conn_id: connection of type ``dbt_cloud``. (templated)
    :param run_id: one run instead, such as ``DbtCloudRunJobOperator`` returns. (templated)
    :param account_id: the account; None for that of the connection. (templated)
    :param step: the step of the run whose artifacts are used, from 1; None for the last. (templated)
    """

    template_fields: ClassVar[tuple[str, ...]] = ("job_id", "dbt_cloud_conn_id", "run_id", "account_id", "step")

    job_id: int | str | None = None
    dbt_cloud_conn_id: str = "dbt_cloud_default"
    run_id: int | str | None = None
    account_id: int | str | None = None
    step: int | str | None = None

    def open(self) -> Artifacts:
        """
        Return the artifacts of the run.

        :raises ModelError: when there is no such run, or the provider is not installed.
        :raises ModelUnavailableError: when dbt Cloud cannot be reached.
        """
        job_id, run_id = _number("job_id", self.job_id), _number("run_id", self.run_id)
        if job_id is None and run_id is None:
            raise ModelError("DbtCloudArtifacts needs a job_id or a run_id.")
        try:
            from airflow.providers.dbt.cloud.hooks.dbt import DbtCloudHook
        except ImportError:
            raise ModelError(
                "dbt Cloud needs its provider on the workers: pip install 'airflow-provider-heap[dbt-cloud]'."
            ) from None
        cloud = _Cloud(DbtCloudHook(self.dbt_cloud_conn_id), self.dbt_cloud_conn_id, self.account_id)
        if run_id is None:
            run_id = cloud.latest_run(job_id)
        return _Run(cloud, run_id, _number("step", self.step))


class _Cloud:
    """dbt Cloud, reached through one connection."""

    def __init__(self, hook: DbtCloudHook, conn_id: str, account_id: int | str | None) -> None:
        self.hook = hook
        self.name = f"dbt Cloud (connection {conn_id!r})"
        self.account_id = _number("account_id", account_id)

    def latest_run(self, job_id: int | None) -> int:
        payload = {"job_definition_id": job_id, "order_by": "-id", "limit": _MAX_RUNS_SEARCHED}
        response = self.ask(f"the runs of job {job_id}", lambda: self.hook.get_job_runs(self.account_id, payload))
        for run in response.json().get("data") or []:
            if run.get("status") in _FINISHED:
                return int(run["id"])
        raise ModelError(
            f"None of the latest {_MAX_RUNS_SEARCHED} runs of job {job_id} in {self.name} has finished, so there are "
            "no artifacts. Run the job before the sync, or check the number of the job."
        )

    def ask(self, what: str, request: Callable[[], Any]) -> Any:
        """Make a request, and translate the errors of the hook."""
        from requests import RequestException

        try:
            return request()
        except (AirflowException, RequestException) as error:
            # The hook has the status only in its text; the error of requests that caused it has it as a number.
            cause = error if isinstance(error, RequestException) else error.__context__
            status = getattr(getattr(cause, "response", None), "status_code", None)
            if status is None and isinstance(error, AirflowException) and not isinstance(cause, RequestException):
                raise ModelError(f"{self.name} cannot be used: {error}") from error
            if status is None or is_transient(status):
                problem = f"answered {status}" if status else f"could not be reached ({type(error).__name__})"
                raise ModelUnavailableError(f"{self.name} {problem} when asked for {what}.") from error
            hint = {
                401: "its API token is not accepted",
                403: "its API token has no access to it",
                404: "it does not exist; check the number and the account",
            }.get(status, "the request was refused")
            raise ModelError(f"{self.name} answered {status} when asked for {what}: {hint}.") from error


class _Run:
    """The artifacts of one run."""

    def __init__(self, cloud: _Cloud, run_id: int, step: int | None) -> None:
        self._cloud, self._run_id, self._step = cloud, run_id, step

    def read(self, name: str) -> bytes:
        """
        Return the content of a file.

        :param name: name of the artifact.
        """
        cloud = self._cloud
        response = cloud.ask(
            self.label(name),
            lambda: cloud.hook.get_job_run_artifact(self._run_id, name, cloud.account_id, self._step),
        )
        return bytes(response.content)

    def label(self, name: str) -> str:
        """
        Return the name of a file in messages.

        :param name: name of the artifact.
        """
        step = f", step {self._step}" if self._step else ""
        return f"{name} of dbt Cloud's run {self._run_id}{step}"


def _number(name: str, value: int | str | None) -> int | None:
    if value is None or (isinstance(value, str) and value.strip() in ("", "None")):
        return None
    try:
        return int(value)
    except ValueError:
        raise ModelError(f"{name} of DbtCloudArtifacts must be a number; found {value!r}.") from None
