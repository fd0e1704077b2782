"""Metrics, lineage and the link of real task runs, as they reach a StatsD server, an OpenLineage file and the UI."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

from tests.conftest import ROOT
from tests.system.dags import AIRFLOW_2

JOBS = ("watched.sync", "watched.fails", "watched.looks")
USERS, EVENTS = "/api/add_user_properties", "/api/track"

DAG = """
from airflow.providers.common.compat.sdk import DAG
from airflow_provider_heap.operators.heap import HeapEventSyncOperator, HeapUserSyncOperator

with DAG(dag_id="watched", schedule=None):
    HeapUserSyncOperator(
        task_id="sync", model="select email, plan from people p", sql_conn_id="pg", identity="email", max_rejected=1
    ) >> HeapEventSyncOperator(
        task_id="fails", model="select email, 1 as n from {{ 'orders' }}", sql_conn_id="pg", identity="email",
        event="E", insert_id="n", timestamp=None,
    )
    HeapUserSyncOperator(
        task_id="looks", model="select email, plan from people p", sql_conn_id="pg", identity="email", max_rejected=1,
        properties={"Plan": "plan"}, dry_run=True,
    )
"""

RUN = """
import sys
from tests.system.dags import load, task_instances

for ti in task_instances(load(sys.argv[1])["watched"]):
    print("LINK", ti.task_id, ti.state, ti.xcom_pull(task_ids=ti.task_id, key=sys.argv[2]))
"""


def received(server):
    """Return the metrics that have come in, ``name,tags:value|type`` each, without those of Airflow itself."""
    found = []
    try:
        while True:
            found.append(server.recv(65536).decode())
    except TimeoutError:
        return sorted(line.removeprefix("airflow.") for line in found if line.startswith("airflow.heap."))


def test_a_run_is_seen_by_statsd_by_openlineage_and_as_a_link(heap_sandbox, postgres, tmp_path):
    postgres.execute("""
        create table people as select 'u' || n as email, 'pro' as plan from generate_series(1, 1500) n
            union all select null, null;
        create table orders as table people
    """)
    [schema] = postgres.execute("select current_schema()").fetchone()
    path, events = tmp_path / "watched.py", tmp_path / "events.jsonl"
    path.write_text(DAG)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        # All metrics wait in this buffer until the run is over.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        server.settimeout(0.2)
        environment = {
            "PYTHONPATH": str(ROOT),
            # Airflow kills an event that takes longer than 10 s to be made, as it may on a busy machine.
            "AIRFLOW__OPENLINEAGE__EXECUTION_TIMEOUT": "120",
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(server.getsockname()[1]),
            "AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED": "True",
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
                {"type": "file", "log_file_path": str(events), "append": True}
            ),
        }
        key = "heap_url" if AIRFLOW_2 else "_link_HeapLink"
        done = subprocess.run(
            [sys.executable, "-c", RUN, str(path), key],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
        )
        metrics = received(server)
    # pytest shows it when the test fails.
    print(done.stdout, done.stderr, sep="\n")
    links = sorted(line for line in done.stdout.splitlines() if line.startswith("LINK"))
    url = f"{heap_sandbox.url}/"
    assert links == [f"LINK fails failed {url}", f"LINK looks success {url}", f"LINK sync success {url}"]

    counters = [line for line in metrics if not line.endswith("|ms")]
    user, event = "dag_id=watched,task_id=sync,object=user", "dag_id=watched,task_id=fails,object=event"
    size = {path: sum(each.size for each in heap_sandbox.requests if each.path == path) for path in (USERS, EVENTS)}
    assert counters == sorted(
        [
            f"heap.rows_read,{user}:1501|c",
            f"heap.rows_unchanged,{user}:0|c",
            f"heap.rows_invalid,{user}:1|c",
            f"heap.rows_rejected,{user}:0|c",
            f"heap.rows_sent,{user}:1500|c",
            f"heap.requests,{user}:2|c",
            f"heap.request_bytes,{user}:{size[USERS]}|c",
            f"heap.rows_read,{event}:1501|c",
            f"heap.rows_unchanged,{event}:0|c",
            f"heap.rows_invalid,{event}:1|c",
            f"heap.rows_rejected,{event}:0|c",
            f"heap.rows_sent,{event}:1500|c",
            f"heap.requests,{event}:2|c",
            f"heap.request_bytes,{event}:{size[EVENTS]}|c",
        ]
    )
    assert [line.partition(":")[0] for line in metrics if line.endswith("|ms")] == [
        f"heap.sync_duration,{event}",
        f"heap.sync_duration,{user}",
    ]

    told, columns, written, runs = {}, {}, {}, {}
    for line in events.read_text().splitlines():
        found = json.loads(line)
        # In a process of its own a task does not come upon what the one before it has read.
        if found["eventType"] != "START" and found["job"]["name"] in JOBS:
            name = found["job"]["name"].removeprefix("watched.")
            facet = found["run"]["facets"]["heap_sync"]
            runs[name] = (facet["mode"], facet["read"], facet["sent"], facet.get("would_send"), facet["invalid"])
            for output in found["outputs"]:
                statistics = output["outputFacets"]["outputStatistics"]
                written[name] = (statistics["rowCount"], statistics["size"])
                columns[name] = {
                    property: [(each["name"], each["field"]) for each in field["inputFields"]]
                    for property, field in output["facets"]["columnLineage"]["fields"].items()
                }
            told[found["job"]["name"]] = (
                found["eventType"],
                [(each["namespace"], each["name"]) for each in found["inputs"]],
                [(each["namespace"], each["name"]) for each in found["outputs"]],
                found["job"]["facets"]["sql"]["query"],
            )
    database, heap = "postgres://127.0.0.1:5432", heap_sandbox.url.replace("http", "heap")
    assert told == {
        "watched.sync": (
            "COMPLETE",
            [(database, f"postgres.{schema}.people")],
            [(heap, "2388822444/users")],
            "select email, plan from people p",
        ),
        "watched.fails": (
            "FAIL",
            [(database, f"postgres.{schema}.orders")],
            [(heap, "2388822444/events")],
            "select email, 1 as n from orders",
        ),
        "watched.looks": (
            "COMPLETE",
            [(database, f"postgres.{schema}.people")],
            [],
            "select email, plan from people p",
        ),
    }
    people, orders = f"postgres.{schema}.people", f"postgres.{schema}.orders"
    assert columns == {
        "sync": {"identity": [(people, "email")], "plan": [(people, "plan")]},
        "fails": {"identity": [(orders, "email")]},
    }
    assert written == {"sync": (1500, size[USERS]), "fails": (1500, size[EVENTS])}
    assert runs == {
        "sync": ("send", 1501, 1500, None, 1),
        "fails": ("send", 1501, 1500, None, 1),
        "looks": ("dry_run", 1501, 0, 1500, 1),
    }
