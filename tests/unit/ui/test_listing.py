"""The list: every sync with its last runs, those that need a look first."""

from __future__ import annotations

#: DAGs of these tests. Other tests leave theirs in the database.
DAG_IDS = ("crm", "other", "changing")


def listed(client):
    """Return the list as a viewer gets it."""
    answer = client("viewer").get("/heap/api/syncs").json()
    return [sync for sync in answer["syncs"] if sync["dag_id"] in DAG_IDS]


def syncs(client):
    """Return the list by task ID."""
    return {sync["task_id"]: sync for sync in listed(client)}


def test_a_sync_has_its_facts_and_its_last_20_runs(client, runs):
    values = [runs.counters(sent=number, read=100, unchanged=100 - number) for number in range(1, 31)]
    runs.add_runs([("crm", "users", number, value, {}) for number, value in enumerate(values, start=1)])
    users = syncs(client)["users"]
    assert (users["dag_id"], users["object_name"], users["model"], users["paused"]) == ("crm", "user", "SQL", False)
    assert (users["connection"], users["schedule"]) == ("heap_default", "0 * * * *")
    assert len(users["bars"]) == 20
    assert users["bars"][-1] == ["scheduled__0030", "success", 100, 30, 70, 0, False]
    assert users["bars"][0][0] == "scheduled__0011"
    assert (users["last_at"], users["last_sent"]) == ("2026-11-02T12:00:03Z", "2026-11-02T12:00:05Z")


def test_a_row_was_last_sent_by_an_earlier_run_than_the_last(client, runs):
    runs.add_run("crm", "users", 1, runs.counters())
    runs.add_run("crm", "users", 2, runs.counters(sent=0, unchanged=100))
    runs.add_run("crm", "users", 3, state="running", start_date=None, end_date=None)
    users = syncs(client)["users"]
    assert (users["last_at"], users["last_sent"]) == ("2026-11-01T09:00:00Z", "2026-11-01T07:00:05Z")
    assert [bar[:3] for bar in users["bars"]][1:] == [
        ["scheduled__0002", "success", 100],
        ["scheduled__0003", "running", None],
    ]


def test_what_needs_a_look_comes_first(client, runs):
    runs.add_run("crm", "users", 1, runs.counters())
    runs.add_run("crm", "orders", 2, runs.counters(sent=0), map_index=0, state="failed", key="report")
    names = [(sync["task_id"], sync["status"]["name"]) for sync in listed(client)]
    assert names[0] == ("orders", "failed")
    assert names[-1] == ("again", "paused")


def test_facts_that_a_run_left_are_shown(client, runs):
    facts = {"name": "our users", "object": "user", "target": {"app_id": "7"}, "later": 1}
    runs.add_run("crm", "users", 1, runs.counters(sync=facts))
    users = syncs(client)["users"]
    assert (users["name"], users["object_name"], users["target"]["app_id"]) == ("our users", "user", "7")


def test_a_dag_that_changes_is_read_again_and_one_that_is_gone_is_not_listed(client, tmp_path, monkeypatch):
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    from tests.unit.ui.seeding import store_dag

    monkeypatch.setenv("AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL", "0")
    dag = (
        "from airflow.providers.common.compat.sdk import DAG\n"
        "from airflow_provider_heap.operators.heap import HeapUserSyncOperator\n"
        "with DAG(dag_id='changing', schedule=None):\n"
        "    HeapUserSyncOperator(task_id='TASK', model='select 1', sql_conn_id='w')\n"
    )
    store_dag(tmp_path, dag.replace("TASK", "first"))
    assert "first" in syncs(client)
    store_dag(tmp_path, dag.replace("TASK", "second"))
    found = syncs(client)
    assert "second" in found
    assert "first" not in found
    with create_session() as session:
        session.get(DagModel, "changing").is_stale = True
    assert "second" not in syncs(client)
