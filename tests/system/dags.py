"""Runs DAG files as Airflow does, in this process."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from airflow import __version__
from airflow.utils.db import initdb

AIRFLOW_2 = __version__.startswith("2.")


@cache
def _database():
    """Make Airflow's database in the tests' own home."""
    initdb()


def load(path):
    """
    Parse a DAG file, and store its DAGs so that they can be run.

    :param path: the file.
    :return: its DAGs by ID.
    """
    _database()
    if AIRFLOW_2:
        from airflow.models.dagbag import DagBag

        bag = DagBag(path, include_examples=False)
        bag.sync_to_db()
    else:
        try:
            from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
        except ImportError:  # before Airflow 3.2
            from airflow.models.dagbag import DagBag, sync_bag_to_db
        from airflow.models.dagbundle import DagBundleModel
        from airflow.utils.session import create_session

        bag = DagBag(path)
        with create_session() as session:
            session.merge(DagBundleModel(name="tests"))
        sync_bag_to_db(bag, "tests", None)
    # Airflow has approvals since 3.1; before, the examples that wait for a person can't be loaded.
    errors = {file: text for file, text in bag.import_errors.items() if not (AIRFLOW_2 and "hitl" in text)}
    assert not errors, errors
    return bag.dags


def run_dag(dag, logical_date=None):
    """
    Run a DAG with ``dag.test()``.

    :param dag: the DAG.
    :param logical_date: of the run; None for a run without one, which Airflow 2 doesn't have.
    :return: the states of its task instances and what they returned, by task ID.
    """
    instances = task_instances(dag, logical_date)
    return {ti.task_id: str(ti.state) for ti in instances}, {
        ti.task_id: ti.xcom_pull(task_ids=ti.task_id, map_indexes=ti.map_index) for ti in instances
    }


def task_instances(dag, logical_date=None):
    """
    Run a DAG with ``dag.test()``.

    :param dag: the DAG.
    :param logical_date: of the run; None for a run without one, which Airflow 2 doesn't have.
    :return: its task instances.
    """
    if AIRFLOW_2:
        logical_date = logical_date or datetime(2026, 11, 20, tzinfo=UTC)
    date = {"execution_date" if AIRFLOW_2 else "logical_date": logical_date}
    return dag.test(**date).get_task_instances()


def asset_events():
    """
    Look up what was told of assets.

    :return: the extra of the latest event of each, by URI.
    """
    from airflow.utils.session import create_session

    if AIRFLOW_2:
        from airflow.models.dataset import DatasetEvent as AssetEvent
    else:
        from airflow.models.asset import AssetEvent
    with create_session() as session:
        return {event.uri: event.extra for event in session.query(AssetEvent).order_by(AssetEvent.id)}
