"""What the list knows of runs that it does not show: when a sync last sent a row, and refused rows by day."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_heap.ui import earlier_runs
from airflow_provider_heap.ui.earlier_runs import LastSentReader, count_refused
from airflow_provider_heap.ui.listing import ListReader
from airflow_provider_heap.ui.metadata import SyncDagReader, open_session, read_history
from tests.unit.ui.seeding import MOMENT

USERS = ("crm", "users")


def positions(key=USERS):
    """Return the positions of a sync's runs by the number in their run ID."""
    with open_session() as session:
        runs, _ = read_history(session, *key, count=500)
    return {int(run.run_id[-4:]): run.position for run in runs}


def last_sent(reader, before, key=USERS):
    """Return the number of the last run that sent a row, of those before a number."""
    numbers = {position: number for number, position in positions(key).items()}
    at = positions(key).get(before, max(numbers) + 1)
    with open_session() as session:
        return numbers.get(reader.read(session, {key: at}).get(key))


def silent(runs, *numbers, **counters):
    """Store runs of a sync that sent nothing."""
    values = {"sent": 0, "unchanged": 100, **counters}
    runs.add_runs([(*USERS, number, runs.counters(**values), {}) for number in numbers])


def test_the_last_run_that_sent_a_row_is_found(runs):
    runs.add_run(*USERS, 1, runs.counters(sent=7))
    runs.add_run(*USERS, 2, runs.counters(sent=10))
    silent(runs, 3, 4, 5)
    assert last_sent(LastSentReader(), 5) == 2
    assert last_sent(LastSentReader(), 2) == 1
    assert last_sent(LastSentReader(), 1) is None


@pytest.mark.parametrize(
    "value",
    [
        "s3://bucket/key",
        {"sent": "many"},
        7,
        '"sent": 5',
        {"read": 5, "would_send": 5, "sent": 0, "seconds": 1},
        {"read": 5, "sent": 0, "sync": {"name": '"sent": 9, '}},
        None,
    ],
)
def test_what_is_not_a_run_that_sent_a_row_is_not_one(runs, value):
    runs.add_run(*USERS, 1, value)
    silent(runs, 2)
    assert last_sent(LastSentReader(), 2) is None


def test_runs_are_searched_once_and_then_the_newer_ones_only(runs, monkeypatch):
    searched = []
    search = earlier_runs._last_that_sent
    monkeypatch.setattr(earlier_runs, "_last_that_sent", lambda *args: searched.append(args[2:]) or search(*args))
    runs.add_run(*USERS, 1, runs.counters())
    silent(runs, 2, 3, 4, 5)
    at, reader = positions(), LastSentReader()
    assert [last_sent(reader, number) for number in (3, 3, 2, 5)] == [1, 1, 1, 1]
    assert searched == [(0, at[3]), (at[3], at[5])]
    runs.add_run(*USERS, 6, runs.counters())
    silent(runs, 7)
    assert last_sent(reader, 7) == 6


def test_only_some_syncs_are_searched_for_one_answer(runs, monkeypatch):
    monkeypatch.setattr(earlier_runs, "_AT_ONCE", 1)
    runs.add_run("crm", "users", 1, runs.counters())
    runs.add_run("crm", "orders", 1, runs.counters(), map_index=0)
    reader = LastSentReader()
    before = dict.fromkeys([("crm", "users"), ("crm", "orders")], max(positions().values()) + 1)
    with open_session() as session:
        assert [len(reader.read(session, before)) for _ in range(3)] == [1, 2, 2]


def refused(*days):
    """Return the refused rows of each sync on each of some days of November."""
    with open_session() as session:
        dags = SyncDagReader().read(session, {"crm", "other"})
        starts = [datetime(2026, 11, day, tzinfo=UTC) for day in days]
        counted = count_refused(session, dags, starts)
    return {f"{one.dag_id}.{one.task_id}": one.counts for one in counted}


def lost(runs, **counts):
    """Return the counters of a run that refused rows."""
    return runs.counters(reasons={"identity_null": sum(counts.values())}, **counts)


def test_refused_rows_are_counted_by_the_day_on_which_their_run_was_due(runs):
    first = MOMENT.hour
    runs.add_runs(
        [
            (*USERS, 24 - first - 1, lost(runs, invalid=1), {}),  # the last hour of November 1
            (*USERS, 24 - first, lost(runs, invalid=2, rejected=3), {}),  # the first of November 2
            (*USERS, 25 - first, runs.counters(), {}),
            (*USERS, 26 - first, lost(runs, rejected=7), {"state": "failed", "key": "report"}),
            (*USERS, 72 - first, lost(runs, invalid=11), {}),
        ]
    )
    assert refused(1, 2, 3, 4) == {"crm.users": [1, 12, 0, 11]}
    assert refused(2, 3) == {"crm.users": [12, 11]}
    assert refused(5) == {}


def test_the_instances_of_a_mapped_sync_are_added_up_and_other_tasks_left_out(runs):
    for index in (0, 1):
        runs.add_run("crm", "orders", 1, lost(runs, invalid=index + 1), map_index=index)
    runs.add_run("crm", "not a sync", 1, lost(runs, invalid=50))
    assert refused(1) == {"crm.orders": [3]}


@pytest.mark.parametrize(
    "value", [{"reasons": {"x": 1}}, {"read": 1, "invalid": -5, "reasons": {"x": 1}}, 's3://"reasons": {"', ["reasons"]]
)
def test_an_xcom_that_is_not_a_report_counts_nothing(runs, value):
    runs.add_run(*USERS, 1, value)
    assert refused(1) == {}


def test_what_a_run_returned_counts_and_not_what_an_earlier_failure_of_it_left(runs):
    from airflow.models.dagrun import DagRun
    from airflow.models.xcom import XComModel
    from sqlalchemy import insert, select

    runs.add_run(*USERS, 1, lost(runs, invalid=1))
    with open_session() as session:
        dag_run_id = session.scalar(select(DagRun.id).where(DagRun.dag_id == "crm"))
        name = {"dag_id": "crm", "run_id": "scheduled__0001", "task_id": "users", "map_index": -1}
        values = {"dag_run_id": dag_run_id, **name, "key": "report", "value": lost(runs, invalid=9)}
        session.execute(insert(XComModel.__table__), [values])
    assert refused(1) == {"crm.users": [1]}


def days_ago(number):
    """Return a moment that the route takes."""
    return (datetime.now(UTC) - timedelta(days=number)).isoformat()


def test_the_route_takes_days_that_a_database_can_be_asked_for(client):
    viewer = client("viewer")

    def status(*starts):
        return viewer.get("/heap/api/refused", params=[("start", start) for start in starts]).status_code

    assert status(days_ago(1), days_ago(0)) == 200
    assert status("2100-01-01T00:00:00+14:00") == 200
    for odd in ("2026-11-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T00:00:00-12:00", "~", "", "1e400"):
        assert status(odd) == 422, odd
    assert status(*[days_ago(number) for number in range(8)]) == 422
    assert status() == 422


def test_no_more_than_the_last_days_are_counted(client, runs):
    first = datetime.now(UTC) - timedelta(days=30)
    runs.add_runs([(*USERS, number, lost(runs, invalid=1), {}) for number in (1, 30 * 24 - 30)], first=first)
    answer = client("viewer").get("/heap/api/refused", params={"start": days_ago(40)}).json()
    assert [sync for sync in answer["syncs"] if sync[0] == "crm"] == [["crm", "users", [1]]]


def test_the_history_of_a_day_has_its_runs_only_and_does_not_say_how_the_sync_is_doing(client, runs):
    runs.add_runs([(*USERS, number, runs.counters(), {}) for number in range(1, 60)])
    params = {"dag_id": "crm", "task_id": "users", "due_from": "2026-11-02T01:00:00+01:00"}
    params |= {"due_until": "2026-11-03T00:00:00Z"}
    answer = client("viewer").get("/heap/api/history", params=params).json()
    assert (len(answer["runs"]), answer["status"], answer["before"]) == (24, None, None)
    assert [answer["runs"][at]["run_after"] for at in (-1, 0)] == ["2026-11-02T00:00:00Z", "2026-11-02T23:00:00Z"]
    assert client("viewer").get("/heap/api/history", params=params | {"due_from": "now"}).status_code == 422


@pytest.mark.parametrize(
    ("sent", "status", "when"), [(5, "silent", datetime(2026, 11, 1, 7, 0, 5, tzinfo=UTC)), (0, "ok", None)]
)
def test_a_sync_that_stopped_sending_before_the_runs_of_the_list_is_not_well(runs, sent, status, when):
    runs.add_run(*USERS, 1, runs.counters(sent=sent, unchanged=5))
    silent(runs, *range(2, 24))
    with open_session() as session:
        listed = ListReader(LastSentReader()).read(session, SyncDagReader().read(session, {"crm"}), datetime.now(UTC))
    assert [(s.status.name, s.last_sent) for s in listed if s.task_id == "users"] == [(status, when)]


def test_a_history_says_that_a_sync_stopped_sending_before_its_runs(client, runs):
    runs.add_run(*USERS, 1, runs.counters(sent=5))
    silent(runs, *range(2, 24))
    params = {"dag_id": "crm", "task_id": "users", "limit": 10}
    status = client("viewer").get("/heap/api/history", params=params).json()["status"]
    assert status["text"] == "At least the last 10 runs sent nothing; before that, rows were sent."


def test_the_texts_that_are_searched_for_are_those_that_a_report_has():
    """In SQLite the text of the JSON is searched, so a report's entries must be written in it as they are here."""
    from airflow_provider_heap.sync.report import Report

    text = json.dumps(Report().as_dict())
    assert '"sent": 0,' in text
    assert '"reasons": {},' in text
