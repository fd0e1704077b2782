"""A sharded sync on two Celery workers, one of which is killed with everything that it runs."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from airflow_provider_heap.sandbox import Faults
from tests.system.celery_cluster import WORKERS, celery_cluster
from tests.system.dags import AIRFLOW_2

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(AIRFLOW_2, reason="the parts of Airflow 2 are started in another way"),
]

SHARDS = 4
USERS = 40_000
BATCH_SIZE = 50
#: How many requests of each shard have arrived when the worker is killed; all of a shard are 200. At a second for an
#: answer, no instance is done before the last has begun.
REQUESTS = 12

DAG = f"""
from datetime import timedelta
from airflow.providers.common.compat.sdk import DAG
from airflow_provider_heap.operators.heap import HeapUserSyncOperator

with DAG(dag_id="sharded", schedule=None, is_paused_upon_creation=False):
    HeapUserSyncOperator.partial(
        task_id="users",
        identity="email",
        properties={{"Number": "number", "Plan": "plan"}},
        sql_conn_id="warehouse",
        state_conn_id="warehouse",
        batch_size={BATCH_SIZE},
        retries=3,
        retry_delay=timedelta(seconds=1),
    ).expand(
        model=[f"select * from people where number % {SHARDS} = {{shard}} order by number" for shard in range({SHARDS})]
    )
"""


def requests_by_shard(sandbox):
    """Return how many requests of each shard have arrived."""
    return Counter(request.items[0]["properties"]["Number"] % SHARDS for request in sandbox.requests)


def test_the_instances_of_a_killed_worker_go_on_from_the_state_and_every_user_arrives(heap_sandbox, tmp_path):
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "sharded.py").write_text(DAG)
    # So slow that each instance is in the middle of its shard when the worker is killed.
    heap_sandbox.faults = Faults(latency=1)
    connection = {"AIRFLOW_CONN_HEAP_DEFAULT": os.environ["AIRFLOW_CONN_HEAP_DEFAULT"]}
    with celery_cluster(tmp_path, dags, **connection) as cluster:
        cluster.database.execute(f"""
            create table people as
                select n as number, 'u' || n || '@x.com' as email, 'plan ' || n % 7 as plan
                from generate_series(0, {USERS - 1}) n
        """)
        cluster.wait("that the DAG is read", lambda: cluster.get("dags")["dags"])
        run = f"dags/sharded/dagRuns/{cluster.get('dags/sharded/dagRuns', {'logical_date': None})['dag_run_id']}"

        def instances():
            return {each["map_index"]: each for each in cluster.get(f"{run}/taskInstances")["task_instances"]}

        def in_the_middle():
            arrived = requests_by_shard(heap_sandbox)
            return len(arrived) == SHARDS and min(arrived.values()) >= REQUESTS

        cluster.wait("that all shards are in the middle", in_the_middle)
        running = instances()
        processes = cluster.kill(WORKERS[0])
        heap_sandbox.faults = Faults()
        assert {each["state"] for each in running.values()} == {"running"}
        killed = {index for index, each in running.items() if each["pid"] in processes}
        assert len(killed) == SHARDS / len(WORKERS)

        cluster.wait("that the DAG run ends", lambda: cluster.get(run)["end_date"], 600)
        assert cluster.get(run)["state"] == "success"
        assert {index for index, each in instances().items() if each["try_number"] > 1} == killed
        reports = {
            index: cluster.get(f"{run}/taskInstances/users/xcomEntries/return_value?map_index={index}")["value"]
            for index in range(SHARDS)
        }
        people = cluster.database.execute("select email, number, plan from people").fetchall()

    assert heap_sandbox.users == {email: {"Number": number, "Plan": plan} for email, number, plan in people}
    for index, report in reports.items():
        assert report["read"] == report["unchanged"] + report["sent"] == USERS / SHARDS
        assert (report["unchanged"] > 0) is (index in killed)
        assert report["sent"] > 0
