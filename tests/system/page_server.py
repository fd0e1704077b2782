"""The API server of an Airflow of any version, with syncs that ran: for a browser that looks at the page Heap."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.conftest import ROOT
from tests.system.standalone import environment, free_port
from tests.waiting import wait_until

USERS = ("viewer", "user", "admin")
FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"


class PageServer:
    """
    What is running.

    :param url: of the UI, the base path included.
    :param process: the API server.
    :param log: the file with what it prints.
    """

    def __init__(self, url, process, log):
        self.url = url
        self._process = process
        self._log = log

    def token(self, user):
        """Log a user in; return the token that the browser keeps as a cookie."""
        body = json.dumps({"username": user, "password": user}).encode()
        request = Request(f"{self.url}/auth/token", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=120) as answer:
            return json.load(answer)["access_token"]

    def up(self):
        """Return whether it answers."""
        try:
            with urlopen(f"{self.url}/api/v2/version", timeout=60):
                return True
        except OSError:
            return False

    def wait(self):
        """Wait until it answers."""

        def up():
            assert self._process.poll() is None, self._log.read_text()[-5000:]
            return self.up()

        wait_until("that the API server answers", up, 300, every=0.3)


@contextmanager
def page_server(home: Path, **options: Any):
    """
    Fill the database of an Airflow, and run its API server.

    :param home: AIRFLOW_HOME: an empty folder, or that of another of these servers, which then share a database.
    :param options: those of :func:`started_server`.
    """
    with started_server(home, **options) as server:
        server.wait()
        yield server


@contextmanager
def started_server(
    home: Path, *, python: str = sys.executable, base_path: str = "", fab: bool = False, **variables: str
):
    """
    Fill the database of an Airflow, and start its API server without waiting for it.

    :param home: as for :func:`page_server`.
    :param python: of the environment with the Airflow.
    :param base_path: the path below which the UI is, such as ``/af``.
    :param fab: whether the users are those of FAB.
    :param variables: further environment variables.
    """
    port = free_port()
    dags = home / "dags"
    url = f"http://127.0.0.1:{port}{base_path}"
    settings = {
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{user}" for user in USERS),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of the tests, long enough for the algorithm that Airflow takes" * 2,
        "AIRFLOW__HEAP__REJECTS_ROOTS": str(dags / "rejects"),
        "AIRFLOW__HEAP__TABS": "True",
        "PYTHONPATH": str(ROOT),
    }
    if fab:
        settings["AIRFLOW__CORE__AUTH_MANAGER"] = FAB
    env = environment(home, dags, port, **settings, **variables)
    env["PATH"] = f"{Path(python).parent}:{os.environ['PATH']}"
    (home / "passwords.json").write_text(json.dumps({user: user for user in USERS}))

    def run(*arguments):
        done = subprocess.run([python, *arguments], env=env, cwd=home, capture_output=True, text=True)
        assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]

    if not dags.exists():
        dags.mkdir()
        run("-m", "airflow", "db", "migrate")
        run("-m", "tests.system.page_seed", str(dags))
        if fab:
            run("-m", "tests.system.page_fab")
    log = home / f"api-server-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [python, "-m", "airflow", "api-server"],
            env=env,
            cwd=home,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield PageServer(url, process, log)
    finally:
        for kind in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, kind)
                process.wait(5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
