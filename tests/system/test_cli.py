"""``airflow heap``, as a person types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.dags import AIRFLOW_2

pytestmark = pytest.mark.skipif(AIRFLOW_2, reason="Airflow knows commands of providers from 3.2 on")
AIRFLOW = str(Path(sys.executable).with_name("airflow"))


def test_a_command_finds_connections_that_stand_only_in_airflows_database(heap_sandbox, warehouse, tmp_path):
    warehouse.users(3)
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "people.py").write_text(
        """
from airflow.providers.common.compat.sdk import DAG
from airflow_provider_heap.operators.heap import HeapUserSyncOperator
print("a DAG file that prints")
with DAG(dag_id="people", schedule=None):
    HeapUserSyncOperator(task_id="users", model="select * from users where n > {{ ds_nodash[:0] or 1 }}",
                         sql_conn_id="stored_db", heap_conn_id="stored_heap", identity="email",
                         state_conn_id="stored_db")
"""
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_CONN_")}
    environment |= {"AIRFLOW_HOME": str(tmp_path / "home"), "AIRFLOW__CORE__DAGS_FOLDER": str(dags)}

    def airflow(*words):
        done = subprocess.run([AIRFLOW, *words], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    airflow("db", "migrate")
    stored = tmp_path / "connections.json"
    stored.write_text(
        json.dumps(
            {
                "stored_db": {"conn_type": "sqlite", "host": str(warehouse.path)},
                "stored_heap": {"conn_type": "heap", "login": "2388822444", "host": heap_sandbox.url},
            }
        )
    )
    airflow("connections", "import", str(stored))
    assert airflow("heap", "state", "adopt", "people", "users") == (
        "2 rows of sync people.users were recorded as sent, 0 were recorded already, 0 are invalid. Nothing was sent "
        "to Heap.\n"
    )
    told = json.loads(airflow("heap", "preview", "people", "users", "--output", "json"))
    assert (told["target"]["connection"], told["counts"]["unchanged"]) == ("stored_heap", 2)
    assert airflow("heap", "check", "people").endswith("1 checked, 0 problems\n")
    rejects = tmp_path / "rejects.jsonl"
    line = {"row": 1, "kind": "rejected", "reason": "http_400", "sync": "people.users", "object": "user"}
    rejects.write_text(json.dumps({**line, "item": {"identity": "ada", "properties": {}}}))
    airflow("heap", "redrive", str(rejects), "--heap-conn-id", "stored_heap", "--state-conn-id", "stored_db", "--yes")
    assert list(heap_sandbox.users) == ["ada"]
