"""A whole Airflow 3 in processes of its own: scheduler, DAG processor and API server with the UI."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.parse import unquote
from urllib.request import Request, urlopen

from tests.waiting import wait_until

#: Airflow fails a task whose question is answered before the scheduler has heard that the task's first part has ended.
#: A person is never that quick. For an Airflow whose log is not at hand.
SECONDS_TO_ANSWER = 15


class Airflow:
    """
    What is running.

    :param url: of the UI and the REST API.
    :param log: the file with what its processes print.
    """

    def __init__(self, url, log=None):
        self.url = url
        self._log = log
        self._token = None

    def get(self, path, data=None, method=None):
        """
        Ask the REST API.

        :param path: below the version.
        :param data: JSON to send; makes it a POST unless another method is given.
        :param method: HTTP's.
        :return: the decoded answer.
        """
        if self._token is None:
            with urlopen(f"{self.url}/auth/token", timeout=120) as answer:
                self._token = json.load(answer)["access_token"]
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        body = None if data is None else json.dumps(data).encode()
        with urlopen(Request(f"{self.url}/api/v2/{path}", body, headers, method=method), timeout=120) as answer:
            return json.load(answer)

    def wait_for_question(self, dag_id, run_id, task_id):
        """
        Wait until the scheduler has heard that a task that asks a person waits for the answer.

        Airflow fails a task whose question is answered earlier. A person is never that quick.
        """
        line = f"TaskInstance Finished: dag_id={dag_id}, task_id={task_id}, run_id={run_id},"
        self.wait("that the scheduler knows of the question", lambda: line in self._log.read_text(errors="replace"))

    def approve(self, path):
        """
        Approve what a task asks a person.

        :param path: the task instance's, with its map index.
        """
        _, dag_id, _, run_id, _, task_id, _ = unquote(path).split("/")
        self.wait_for_question(dag_id, run_id, task_id)
        self.get(f"{path}/hitlDetails", {"chosen_options": ["Approve"], "params_input": {}}, "PATCH")

    @staticmethod
    def wait(what, condition, seconds=300):
        """Wait until a condition holds; see :func:`wait_until`."""
        return wait_until(what, condition, seconds, every=0.2)

    def healthy(self):
        """Return whether the API server answers, and says that database, scheduler and DAG processor are well."""
        try:
            with urlopen(f"{self.url}/api/v2/monitor/health", timeout=60) as answer:
                parts = json.load(answer)
        except (URLError, ConnectionError, TimeoutError):
            return False
        return all(parts[part]["status"] == "healthy" for part in ("metadatabase", "scheduler", "dag_processor"))


def free_port():
    """Return a port of the loopback address on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def environment(home: Path, dags: Path, port: int, **variables: str):
    """
    Return the environment of an Airflow on loopback with everybody an admin, without this process's own settings.

    :param home: AIRFLOW_HOME.
    :param dags: folder of DAG files.
    :param port: of the API server.
    :param variables: further variables; they win.
    """
    url = f"http://127.0.0.1:{port}"
    settings = {
        "CORE__DAGS_FOLDER": str(dags),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__TEST_CONNECTION": "Enabled",
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "API__HOST": "127.0.0.1",
        "API__PORT": str(port),
        "API__BASE_URL": url,
        "API__WORKERS": "1",
        "LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(free_port()),
        "SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    env = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
    env |= {f"AIRFLOW__{name}": value for name, value in settings.items()}
    return env | {
        "AIRFLOW_HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{env['PATH']}",
        "PYTHONUNBUFFERED": "1",  # what is printed can be waited for
        **variables,
    }


@contextmanager
def standalone(home: Path, dags: Path, *, python: str = sys.executable, **variables: str):
    """
    Run ``airflow standalone``.

    :param home: AIRFLOW_HOME, an empty folder.
    :param dags: folder of DAG files.
    :param python: of the environment with the Airflow.
    :param variables: further environment variables.
    """
    port = free_port()
    log = home / "standalone.log"
    env = environment(home, dags, port, AIRFLOW__CORE__PARALLELISM="2", **variables)
    env["PATH"] = f"{Path(python).parent}:{env['PATH']}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [python, "-m", "airflow", "standalone"],
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        airflow = Airflow(f"http://127.0.0.1:{port}", log)

        def healthy():
            assert process.poll() is None, log.read_text()[-5000:]
            return airflow.healthy()

        airflow.wait("that Airflow is healthy", healthy)
        yield airflow
    finally:
        # Its children outlive a signal to the parent alone.
        for kind in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, kind)
                process.wait(5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
