"""Fill Airflow's database with DAGs and runs, without running them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import insert

from tests.system.dags import load

#: When the first run was due.
MOMENT = datetime(2026, 11, 1, 6, tzinfo=UTC)


def store_dag(folder, text, name="syncs"):
    """
    Parse a DAG file and store its DAGs.

    :param folder: takes the file.
    :param text: of the file.
    :param name: of the file.
    :return: the DAGs by ID.
    """
    path = folder / f"{name}.py"
    path.write_text(text)
    return load(path)


def counters(**changes):
    """Return the counters of a run as an operator returns them."""
    values = {
        "read": 100,
        "unchanged": 0,
        "invalid": 0,
        "rejected": 0,
        "sent": 100,
        "truncated": 0,
        "requests": 1,
        "bytes": 9000,
        "seconds": 1.25,
        "reasons": {},
        "rejects": None,
    }
    return values | changes


def add_run(dag_id, task_id, number, value=None, **task):
    """Store one run of a task; see :func:`add_runs`."""
    return add_runs([(dag_id, task_id, number, value, task)])[0]


def add_runs(runs, first=MOMENT):
    """
    Store runs of tasks that are not mapped, or one instance of a mapped task each.

    :param runs: for each the DAG, the task, the number of the run, the XCom and what else the task instance has;
        ``key`` is the XCom's, ``return_value`` when not given.
    :param first: when the run with the number 0 was due.
    :return: the run IDs.
    """
    with create_session() as session:
        versions = {row.dag_id: row.id for row in session.query(DagVersion.dag_id, DagVersion.id)}
        known = {(row.dag_id, row.run_id): row.id for row in session.query(DagRun.dag_id, DagRun.run_id, DagRun.id)}
        new = {}
        for dag_id, _, number, _, task in runs:
            run_id = f"scheduled__{number:04}"
            if (dag_id, run_id) not in known:
                due = first + timedelta(hours=number)
                state = task.get("state", "success")
                new[dag_id, run_id] = {
                    "dag_id": dag_id,
                    "run_id": run_id,
                    "run_type": "scheduled",
                    "run_after": due,
                    "logical_date": due,
                    "queued_at": due,
                    "state": state if state in ("success", "failed", "running") else "running",
                    "clear_number": 0,
                }
        if new:
            session.execute(insert(DagRun.__table__), list(new.values()))
        known = {(row.dag_id, row.run_id): row.id for row in session.query(DagRun.dag_id, DagRun.run_id, DagRun.id)}
        instances, xcoms = [], []
        for dag_id, task_id, number, value, task in runs:
            run_id = f"scheduled__{number:04}"
            begin = first + timedelta(hours=number, seconds=3)
            values = {"map_index": -1, "state": "success", "hostname": "worker-1", **task}
            key = values.pop("key", "return_value")
            name = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": values["map_index"]}
            instances.append(
                {
                    **name,
                    "start_date": begin,
                    "end_date": begin + timedelta(seconds=2),
                    "try_number": 1,
                    "max_tries": 0,
                    "unixname": "airflow",
                    "pool": "default_pool",
                    "pool_slots": 1,
                    "queue": "default",
                    "executor_config": {},
                    "span_status": "not_started",
                    "dag_version_id": versions[dag_id],
                    "operator": "HeapUserSyncOperator",
                    **values,
                }
            )
            if value is not None:
                xcoms.append({"dag_run_id": known[dag_id, run_id], **name, "key": key, "value": value})
        session.execute(insert(TaskInstance.__table__), instances)
        if xcoms:
            session.execute(insert(XComModel.__table__), xcoms)
    return [f"scheduled__{number:04}" for _, _, number, _, _ in runs]
