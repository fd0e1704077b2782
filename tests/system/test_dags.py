"""The operators inside of real DAG runs: task mapping, assets, XCom, serialization."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from airflow_provider_heap.sandbox import Faults
from tests.conftest import ROOT
from tests.system.dags import asset_events, load, run_dag, task_instances

HEAD = """
from airflow.providers.common.compat.sdk import DAG, Asset, task
from airflow_provider_heap.hooks.heap import HeapHook
from airflow_provider_heap.operators.heap import *
"""


@pytest.fixture
def dag(tmp_path):
    """Write a DAG file, and load the DAG of it that is named as asked."""

    def write(dag_id, code):
        path = tmp_path / f"{dag_id}.py"
        path.write_text(HEAD + code)
        return load(path)[dag_id]

    return write


def test_operators_map_over_parameters_and_over_models(heap_sandbox, warehouse, dag):
    warehouse.users(10)
    found = dag(
        "mapped",
        """
with DAG(dag_id="mapped", schedule=None):
    common = dict(sql_conn_id="warehouse", identity="email")
    HeapUserSyncOperator.partial(
        task_id="shards", model="select * from users where n % 2 = :rest",
        properties={"Shard": Constant("{{ ti.map_index }}"), "Plan": "plan"}, **common,
    ).expand(parameters=[{"rest": 0}, {"rest": 1}])
    HeapUserSyncOperator.partial(task_id="models", **common).expand(
        model=["select email, 1 as one from users where n = 1", "select email, {{ 1 + 1 }} as two from users where n=2"]
    )
""",
    )
    states, _ = run_dag(found)
    assert set(states.values()) == {"success"}
    assert {held["Shard"] for held in heap_sandbox.users.values()} == {"0", "1"}
    assert len(heap_sandbox.users) == 10
    assert heap_sandbox.users["u1@example.com"]["one"] == 1
    assert heap_sandbox.users["u2@example.com"]["two"] == 2


def test_shards_of_one_run_share_the_state_and_the_next_run_sends_what_changed(heap_sandbox, warehouse, dag):
    warehouse.users(20)
    found = dag(
        "sharded_state",
        """
with DAG(dag_id="sharded_state", schedule=None):
    HeapUserSyncOperator.partial(
        task_id="shards", sql_conn_id="warehouse", identity="email", state_conn_id="warehouse",
        model="select * from users where n % 3 = :rest",
    ).expand(parameters=[{"rest": 0}, {"rest": 1}, {"rest": 2}])
""",
    )
    assert set(run_dag(found)[0].values()) == {"success"}
    assert len(heap_sandbox.users) == 20
    seen = len(heap_sandbox.requests)
    with sqlite3.connect(warehouse.path) as connection:
        connection.execute("update users set seats = 0 where n = 7")
    assert set(run_dag(found, datetime(2026, 11, 22, tzinfo=UTC))[0].values()) == {"success"}
    assert [[item["identity"] for item in request.items] for request in heap_sandbox.requests[seen:]] == [
        ["u7@example.com"]
    ]


def test_asset_events_carry_the_counters_and_a_task_may_use_the_hook(heap_sandbox, warehouse, dag):
    warehouse.users(3)
    found = dag(
        "assets",
        """
with DAG(dag_id="assets", schedule=None):
    @task
    def by_hook():
        return HeapHook().add_account_properties([{"account_id": "acme", "properties": {"Plan": "pro"}}])

    by_hook() >> HeapUserSyncOperator(
        task_id="sync", model="select * from users", sql_conn_id="warehouse", identity="email",
        outlets=[Asset("heap://users")],
    )
""",
    )
    states, reports = run_dag(found)
    assert set(states.values()) == {"success"}
    assert reports["by_hook"]["sent"] == 1
    extra = asset_events()["heap://users/"]
    counters = {name: value for name, value in reports["sync"].items() if name != "sync"}
    assert {name: extra[name] for name in counters} == counters


def test_a_failed_task_leaves_its_report_and_is_not_retried_in_vain(heap_sandbox, warehouse, dag):
    warehouse.users(30)
    heap_sandbox.faults = Faults(status=400)
    found = dag(
        "refused",
        """
with DAG(dag_id="refused", schedule=None, default_args={"retries": 3}):
    HeapUserSyncOperator(task_id="sync", model="select * from users", sql_conn_id="warehouse", identity="email")
""",
    )
    [ti] = task_instances(found)
    assert (str(ti.state), ti.try_number) == ("failed", 1)
    report = ti.xcom_pull(task_ids="sync", key="report")
    assert (report["read"], report["rejected"], report["reasons"]) == (20, 20, {"http_400": 20})


def test_parsing_the_example_dags_again_makes_no_new_version_of_any():
    code = (
        "import json, sys; from tests.system.dags import load;"
        "from airflow.serialization.serialized_objects import SerializedDAG as S;"
        "T = getattr(__import__('airflow.serialization.serialized_objects', fromlist=['x']), 'DagSerialization', S);"
        "print('DAGS:' + json.dumps({dag_id: T.to_dict(dag) for dag_id, dag in load(sys.argv[1]).items()}))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    seen = []
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(ROOT / "dags")],
            capture_output=True,
            text=True,
            env={**env, "PYTHONHASHSEED": seed},
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("DAGS:")]
        assert lines, done.stderr
        assert "object at 0x" not in lines[0]
        seen.append(json.loads(lines[0].removeprefix("DAGS:")))
    assert len(seen[0]) >= len([*(ROOT / "dags").glob("*.py")])
    assert seen[0] == seen[1]


def test_the_dag_of_the_readme_runs(heap_sandbox, warehouse, tmp_path):
    warehouse.table("dim_users", [{"email": "ada@x.com", "plan": "pro", "seats": 3, "trial_ends_at": "2027-01-01"}])
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    (tmp_path / "readme.py").write_text(code)
    states, _ = run_dag(load(tmp_path / "readme.py")["users_to_heap"])
    assert states == {"sync_users": "success"}
    assert heap_sandbox.users == {"ada@x.com": {"Plan": "pro", "Seats": 3, "Trial End": "2027-01-01"}}
