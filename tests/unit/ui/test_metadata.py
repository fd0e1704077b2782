"""Runs are read from Airflow's database: the newest first, instances added up, never more than were asked for."""

from __future__ import annotations

from airflow_provider_heap.ui.metadata import SyncDagReader, open_session, read_history, read_instances


def dags(session):
    """Return the DAGs with syncs of these tests."""
    return SyncDagReader().read(session, {"crm", "other", "not there"})


def test_only_the_dags_asked_for_are_returned(api_server):
    with open_session() as session:
        assert [(dag.dag_id, dag.paused) for dag in dags(session)] == [("crm", False), ("other", True)]
        assert [dag.dag_id for dag in SyncDagReader().read(session, {"other"})] == ["other"]
        assert SyncDagReader().read(session, set()) == []


def test_a_run_that_goes_on_has_no_end(runs):
    runs.add_run("crm", "orders", 1, runs.counters(), map_index=0)
    runs.add_run("crm", "orders", 1, map_index=1, state="running", end_date=None, hostname="worker-2")
    with open_session() as session:
        [run], more = read_history(session, "crm", "orders", count=9)
        assert more is None
        one, two = read_instances(session, "crm", "orders", "scheduled__0001")
    assert (run.state, run.end, run.instances, run.map_index, run.counters.sent) == ("running", None, 2, -1, 100)
    assert (one.map_index, one.state, two.map_index, two.hostname, two.counters) == (0, "success", 1, "worker-2", None)


def test_what_a_run_returned_counts_more_than_what_an_earlier_failure_of_it_left(runs):
    from airflow.models.dagrun import DagRun
    from airflow.models.xcom import XComModel
    from sqlalchemy import insert, select

    runs.add_run("crm", "users", 1, runs.counters(sent=3))
    with open_session() as session:
        dag_run_id = session.scalar(select(DagRun.id).where(DagRun.dag_id == "crm"))
        name = {"dag_id": "crm", "run_id": "scheduled__0001", "task_id": "users", "map_index": -1}
        values = {"dag_run_id": dag_run_id, **name, "key": "report", "value": runs.counters(sent=0)}
        session.execute(insert(XComModel.__table__), [values])
    with open_session() as session:
        [run], _ = read_history(session, "crm", "users", count=9)
    assert run.counters.sent == 3
