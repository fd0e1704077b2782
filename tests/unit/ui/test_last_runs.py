"""The last runs of each sync are read once, and those that come later, change or are deleted are noticed."""

from __future__ import annotations

import pytest

from airflow_provider_heap.ui import last_runs
from airflow_provider_heap.ui.last_runs import LastRunReader
from airflow_provider_heap.ui.metadata import SyncDagReader, open_session, read_runs


def dags(session):
    """Return the DAGs with syncs of these tests."""
    return SyncDagReader().read(session, {"crm", "other", "not there"})


def numbers(reader):
    """Return the last digits of the run IDs of each sync that a reader finds."""
    with open_session() as session:
        found = reader.read(session, dags(session))
    return {f"{dag_id}.{task_id}": "".join(run.run_id[-1] for run in runs) for (dag_id, task_id), runs in found.items()}


def test_the_last_runs_of_each_sync(runs):
    runs.add_runs([("crm", "users", number, runs.counters(), {}) for number in range(1, 6)])
    runs.add_runs([("crm", "orders", number, runs.counters(), {"map_index": 0}) for number in (2, 4)])
    assert numbers(LastRunReader(3)) == {"crm.users": "543", "crm.orders": "4"}


def test_runs_that_come_later_are_found_and_those_of_a_dag_that_was_not_asked_for_before(runs):
    reader = LastRunReader(3)
    assert numbers(reader) == {}
    runs.add_runs([("crm", "users", number, runs.counters(), {}) for number in range(1, 3)])
    assert numbers(reader) == {"crm.users": "21"}
    runs.add_runs([("crm", "users", number, runs.counters(), {}) for number in range(3, 6)])
    runs.add_run("other", "again", 1, runs.counters())
    with open_session() as session:
        reader.read(session, SyncDagReader().read(session, {"other"}))
    assert numbers(reader) == {"crm.users": "543", "other.again": "1"}


def test_a_run_that_others_overtook_in_the_database_is_found(runs):
    from airflow.models.dagrun import DagRun
    from sqlalchemy import func, select, update

    runs.add_run("crm", "users", 1, runs.counters())
    with open_session() as session:
        newest = session.scalar(select(func.max(DagRun.id)))
        session.execute(update(DagRun).where(DagRun.id == newest).values(id=newest + 500))
    reader = LastRunReader(3)
    numbers(reader)
    runs.add_run("crm", "orders", 2, runs.counters(), map_index=0)
    with open_session() as session:
        session.execute(update(DagRun).where(DagRun.id == newest + 501).values(id=newest + 1))
    assert numbers(reader) == {"crm.users": "1", "crm.orders": "2"}


@pytest.mark.parametrize(("seen_again", "kept"), [(1000, 300.0), (0, 0.0)])
def test_runs_that_were_deleted_make_room_for_earlier_ones(runs, monkeypatch, seen_again, kept):
    from airflow.models.dagrun import DagRun
    from sqlalchemy import delete

    monkeypatch.setattr(last_runs, "_OVERTAKEN", seen_again)
    monkeypatch.setattr(last_runs, "_KEPT", kept)
    runs.add_runs([("crm", "users", number, runs.counters(), {}) for number in range(1, 6)])
    reader = LastRunReader(3)
    assert numbers(reader) == {"crm.users": "543"}
    with open_session() as session:
        session.execute(delete(DagRun).where(DagRun.dag_id == "crm", DagRun.run_id == "scheduled__0005"))
    assert numbers(reader) == {"crm.users": "432"}


def test_a_run_of_the_list_has_no_times_until_they_are_asked_for(runs):
    runs.add_run("crm", "users", 1, runs.counters(sent=3))
    with open_session() as session:
        [run] = LastRunReader(3).read(session, dags(session))["crm", "users"]
        key = "crm", "users", run.position
        details = read_runs(session, {key, ("crm", "orders", run.position)})
    assert (run.state, run.counters.sent, run.start, run.hostname) == ("success", 3, None, "")
    assert set(details) == {key}
    assert (details[key].try_number, details[key].hostname, details[key].run_type) == (1, "worker-1", "scheduled")
    assert (details[key].end - details[key].start).total_seconds() == 2


@pytest.fixture
def read_again(monkeypatch):
    """Note how many DAG runs are read each time."""
    counts = []
    runs_at = last_runs.runs_at

    def noted(session, positions, *args, **kwargs):
        counts.append(len(positions))
        return runs_at(session, positions, *args, **kwargs)

    monkeypatch.setattr(last_runs, "runs_at", noted)
    return counts


def sent(reader):
    """Return how many rows the last runs of a sync sent."""
    with open_session() as session:
        return [run.counters and run.counters.sent for run in reader.read(session, dags(session))["crm", "users"]]


def test_a_run_that_has_ended_is_read_once(runs, read_again):
    reader = LastRunReader(3)
    runs.add_runs([("crm", "users", number, runs.counters(sent=number), {}) for number in (1, 2)])
    runs.add_run("crm", "users", 3, state="running", end_date=None)
    assert [sent(reader) for _ in range(3)] == [[None, 2, 1]] * 3
    assert read_again == [3, 1, 1]
    runs.add_run("crm", "users", 4, runs.counters(sent=4))
    assert sent(reader) == [4, None, 2]
    assert read_again == [3, 1, 1, 2]


def test_a_run_that_was_cleared_and_ran_again_is_read_again(runs, read_again):
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from sqlalchemy import delete, update

    reader = LastRunReader(3)
    runs.add_runs([("crm", "users", number, runs.counters(sent=number), {}) for number in (1, 2)])
    assert sent(reader) == [2, 1]
    with open_session() as session:
        session.execute(update(DagRun).where(DagRun.run_id == "scheduled__0001").values(state="queued"))
        session.execute(update(TaskInstance).where(TaskInstance.run_id == "scheduled__0001").values(state=None))
        session.execute(delete(XComModel).where(XComModel.run_id == "scheduled__0001"))
    assert [sent(reader) for _ in range(2)] == [[2, None]] * 2
    with open_session() as session:
        session.execute(update(DagRun).where(DagRun.run_id == "scheduled__0001").values(state="success"))
    assert [sent(reader) for _ in range(2)] == [[2, None]] * 2
    assert read_again == [2, 1, 1, 1]


def test_what_is_kept_are_the_last_runs_only(runs):
    reader = LastRunReader(3)
    for number in range(1, 8):
        runs.add_run("crm", "users", number, runs.counters(sent=number))
        sent(reader)
    assert sent(reader) == [7, 6, 5]
    assert len(reader._ended) == 3
