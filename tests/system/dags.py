"""Runs DAG files as Airflow does, in this process."""

from __future__ import annotations

from functools import cache

from airflow.utils.db import initdb


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
    try:
        from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
        from airflow.models.dagbundle import DagBundleModel
        from airflow.utils.session import create_session
    except ImportError:  # Airflow 2.11
        from airflow.models.dagbag import DagBag

        bag = DagBag(path, include_examples=False)
        bag.sync_to_db()
    else:
        bag = DagBag(path)
        with create_session() as session:
            session.merge(DagBundleModel(name="tests"))
        sync_bag_to_db(bag, "tests", None)
    assert not bag.import_errors, bag.import_errors
    return bag.dags


def test_run(dag, **options):
    """
    Run a DAG with ``dag.test()``.

    :param dag: the DAG.
    :param options: of ``dag.test()``.
    :return: the states of its task instances and what they returned, by task ID.
    """
    found = dag.test(**options)
    instances = found.get_task_instances()
    return {ti.task_id: str(ti.state) for ti in instances}, {
        ti.task_id: ti.xcom_pull(task_ids=ti.task_id, map_indexes=ti.map_index) for ti in instances
    }


test_run.__test__ = False
