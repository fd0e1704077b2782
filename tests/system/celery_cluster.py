"""Airflow 3 with the CeleryExecutor and two workers on loopback: PostgreSQL holds all data, Redis is the broker."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
from sqlalchemy.engine import URL

from tests.conftest import _absent, connect
from tests.system.standalone import Airflow, environment, free_port

WORKERS = ("w1", "w2")

COMMANDS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler"],
    "dag-processor": ["dag-processor"],
    # Two workers on one machine need names and PID files of their own.
    **{
        name: ["celery", "worker", "--celery-hostname", f"{name}@%h", "--pid", f"{name}.pid", "--skip-serve-logs"]
        for name in WORKERS
    },
}

SETTINGS = {
    "CORE__EXECUTOR": "CeleryExecutor",
    # As many task instances as a worker runs, so that neither can take those of the other.
    "CELERY__WORKER_CONCURRENCY": "2",
    "CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
    # A dead worker is noticed when its task instances have not been heard of for 30 s; Airflow's default is 300 s.
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "WORKERS__TASK_HEARTBEAT_MIN_INTERVAL": "5",
}


class Cluster(Airflow):
    """
    The running parts.

    :param url: of the REST API.
    :param database: connection to the cluster's own PostgreSQL database.
    :param processes: by name, as in :data:`COMMANDS`.
    """

    def __init__(self, url, database, processes):
        super().__init__(url)
        self.database = database
        self._processes = processes

    def kill(self, name):
        """
        Kill a part outright, with everything that it started.

        :param name: as in :data:`COMMANDS`.
        :return: the IDs of the processes that were killed.
        """
        return _kill_tree(self._processes[name])


@contextmanager
def celery_cluster(home: Path, dags: Path, **variables: str):
    """
    Run the cluster; its processes, its database and what it left in Redis are gone afterwards.

    The Airflow connection ``warehouse`` is the cluster's database.

    :param home: AIRFLOW_HOME, an empty folder.
    :param dags: folder of DAG files.
    :param variables: further environment variables.
    """
    try:
        from celery import Celery
        from redis import Redis  # noqa: F401
    except ImportError:
        _absent("no Celery with Redis (make test-slow installs them: pip install 'airflow-provider-heap[test-slow]')")
    with ExitStack() as stack:
        database = stack.enter_context(_database())
        broker = stack.enter_context(_broker(home))
        port = free_port()
        env = environment(home, dags, port, **_variables(database.info, broker), **variables)
        migration = [sys.executable, "-m", "airflow", "db", "migrate"]
        migrated = subprocess.run(migration, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert migrated.returncode == 0, migrated.stdout
        processes = {
            name: stack.enter_context(_running([sys.executable, "-m", "airflow", *command], home, name, env))
            for name, command in COMMANDS.items()
        }
        cluster = Cluster(f"http://127.0.0.1:{port}", database, processes)
        control = Celery(broker=broker).control

        def ready():
            ended = [name for name, process in processes.items() if process.poll() is not None]
            assert not ended, f"{ended} ended"
            return cluster.healthy() and len(control.ping(timeout=5)) == len(WORKERS)

        try:
            cluster.wait("that all parts of Airflow are ready", ready)
            yield cluster
        except BaseException:
            # Of the parts, and of each try of a task instance; pytest shows it when the test has failed.
            for log in sorted(home.rglob("*.log")):
                print(f"--- {log.relative_to(home)} ---", log.read_text(errors="replace")[-3000:], sep="\n")
            raise


def _variables(info, broker):
    where = {"host": info.host, "port": info.port, "database": info.dbname}
    url = URL.create("postgresql+psycopg2", info.user, info.password or None, **where)
    settings = {
        **SETTINGS,
        "DATABASE__SQL_ALCHEMY_CONN": (sql := url.render_as_string(hide_password=False)),
        "CELERY__RESULT_BACKEND": f"db+{sql.replace('+psycopg2', '')}",
        "CELERY__BROKER_URL": broker,
        "API__SECRET_KEY": secrets.token_hex(32),
        "API_AUTH__JWT_SECRET": secrets.token_hex(32),
    }
    warehouse = {
        "conn_type": "postgres",
        "host": info.host,
        "port": info.port,
        "login": info.user,
        "password": info.password,
        "schema": info.dbname,
    }
    return {
        **{f"AIRFLOW__{name}": value for name, value in settings.items()},
        "AIRFLOW_CONN_WAREHOUSE": json.dumps(warehouse),
    }


@contextmanager
def _database():
    """Make a database in PostgreSQL of this machine, and drop it afterwards."""
    import psycopg

    name = f"heap_celery_{os.getpid()}"
    with connect() as server:
        server.execute(f"drop database if exists {name} with (force)")
        server.execute(f"create database {name}")
        try:
            parameters = {**server.info.get_parameters(), "password": server.info.password, "dbname": name}
            with psycopg.connect(**parameters, autocommit=True) as connection:
                yield connection
        finally:
            server.execute(f"drop database {name} with (force)")


@contextmanager
def _broker(home):
    """Start a Redis; where it is not installed, use an empty database of the one that runs on this machine."""
    from redis import Redis
    from redis.exceptions import ConnectionError

    if shutil.which("redis-server"):
        port = free_port()
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(home)]
        with _running(command, home, "redis", os.environ), Redis(port=port) as redis:

            def answers():
                with suppress(ConnectionError):
                    return redis.ping()

            Airflow.wait("that Redis answers", answers)
            yield f"redis://127.0.0.1:{port}/0"
        return
    try:
        number = next(number for number in range(15, 0, -1) if not Redis(db=number).dbsize())
    except ConnectionError:
        _absent("no redis-server on the PATH and no Redis at 127.0.0.1:6379 (apt-get install redis-server)")
    try:
        yield f"redis://127.0.0.1:6379/{number}"
    finally:
        Redis(db=number).flushdb()


@contextmanager
def _running(command, home, name, env):
    """Run a command until the end of the block, with what it prints in a file."""
    with (home / f"{name}.log").open("wb") as output:
        process = subprocess.Popen(
            command, env=env, cwd=home, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield process
    finally:
        _kill_tree(process)


def _kill_tree(process):
    """
    Kill a process and everything that it started at one moment, as a machine that dies does.

    All are stopped before the first is killed, so none sees another one's end. Killing the process group would not do:
    Airflow gives each task a group of its own.

    :return: their IDs.
    """
    killed: dict[int, psutil.Process] = {}
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(process.pid)
        while new := [each for each in (root, *root.children(recursive=True)) if each.pid not in killed]:
            for each in new:
                killed[each.pid] = each
                with suppress(psutil.NoSuchProcess):
                    each.suspend()
    for each in killed.values():
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait()
    return set(killed)
