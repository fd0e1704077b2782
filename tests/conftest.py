"""
Airflow with a home of its own, and the sandbox as the only stand-in for Heap.

The settings must stand before Airflow is imported for the first time.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
#: Servers that state is kept in, beside SQLite: the connection and the fixture that makes it.
STATE_SERVERS = {"pg": "postgres", "maria": "mariadb"}

# An editable install leaves a second copy of the package's metadata in the checkout. Airflow 3 would find our plugin in
# both, and leave out all plugins that come after one that it knows, OpenLineage's among them.
shutil.rmtree(ROOT / "airflow_provider_heap.egg-info", ignore_errors=True)

os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="heap-tests-")
# Processes that a test starts share the database: on a busy machine one waits for another longer than SQLite's 5 s.
os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{os.environ['AIRFLOW_HOME']}/airflow.db?timeout=120"
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(ROOT / "dags")
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"
os.environ["AIRFLOW__CORE__TEST_CONNECTION"] = "Enabled"

import hypothesis  # noqa: E402
import pytest  # noqa: E402

from airflow_provider_heap.api.retry import RetryPolicy  # noqa: E402
from airflow_provider_heap.hooks.heap import HeapHook  # noqa: E402
from tests.warehouse import Warehouse  # noqa: E402

# A busy machine is no failure: hypothesis would stop an example after 200 ms.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    """Retry as often as in production, with waits a hundred times shorter."""
    monkeypatch.setattr(HeapHook, "retry_policy", RetryPolicy(initial_backoff=0.005, max_backoff=0.05))


@pytest.fixture
def warehouse(tmp_path, monkeypatch):
    """An SQLite database, and the Airflow connection ``warehouse`` to it."""
    path = tmp_path / "warehouse.db"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    return Warehouse(path)


class TaskInstance:
    """As much of a task instance as an operator may look at outside of a run."""

    dag_id = "dag"
    task_id = "task"
    run_id = "manual__2026-11-23T00:00:00+00:00"
    map_index = -1
    try_number = 1

    def __init__(self):
        self.xcom = {}

    def xcom_push(self, key, value):
        """Keep what a task leaves for others."""
        self.xcom[key] = value


@pytest.fixture
def ti():
    """The task instance of :func:`run`'s context."""
    return TaskInstance()


@pytest.fixture
def run(ti):
    """Execute an operator as Airflow would, without a database."""

    def execute(operator, **context):
        return operator.execute({"ti": ti, **context})

    return execute


@pytest.fixture
def mariadb(monkeypatch):
    """A database in MariaDB of this machine, the Airflow connection ``maria`` to it, and a way to run statements."""
    try:
        import MySQLdb
    except ImportError:
        _absent("no MySQL client (pip install 'airflow-provider-heap[mysql]')")
    host, user, password = os.environ.get("HEAP_TEST_MYSQL", "127.0.0.1,root,").split(",")
    try:
        connection = MySQLdb.connect(host=host, user=user, password=password, autocommit=True, connect_timeout=30)
    except MySQLdb.OperationalError:
        _absent("no MariaDB at 127.0.0.1:3306 (HEAP_TEST_MYSQL='host,user,password' names another)")
    database = f"heap_test_{os.getpid()}"
    cursor = connection.cursor()
    for statement in (f"drop database if exists {database}", f"create database {database}", f"use {database}"):
        cursor.execute(statement)
    monkeypatch.setenv(
        "AIRFLOW_CONN_MARIA",
        json.dumps(
            {"conn_type": "mysql", "host": host, "port": 3306, "login": user, "password": password, "schema": database}
        ),
    )
    yield cursor
    cursor.execute(f"drop database {database}")
    connection.close()


def _absent(what):
    """Skip a test for want of a service; in CI nothing may be skipped."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}, and CI must have it")
    pytest.skip(what)


def connect():
    """Connect to PostgreSQL of this machine."""
    psycopg = pytest.importorskip("psycopg")
    url = os.environ.get("HEAP_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=30)
    except psycopg.OperationalError:
        return _absent("no PostgreSQL at 127.0.0.1:5432 (HEAP_TEST_POSTGRES names another)")


@pytest.fixture
def postgres(monkeypatch):
    """A schema in PostgreSQL of this machine, the Airflow connection ``pg`` to it, and a way to run statements."""
    connection = connect()
    schema = f"heap_test_{os.getpid()}"
    connection.execute(f"drop schema if exists {schema} cascade; create schema {schema}; set search_path to {schema}")
    info = connection.info
    monkeypatch.setenv(
        "AIRFLOW_CONN_PG",
        json.dumps(
            {
                "conn_type": "postgres",
                "host": info.host,
                "port": info.port,
                "login": info.user,
                "password": info.password or "",
                "schema": info.dbname,
                # The name tells the sessions of this test from those of others on the same server.
                "extra": {"options": f"-c search_path={schema} -c application_name={schema}"},
            }
        ),
    )
    yield connection
    connection.execute(f"drop schema {schema} cascade")
    connection.close()
