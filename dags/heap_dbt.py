"""
### dbt to Heap

dbt builds and tests, then its models are sent to Heap. Each sync checks dbt's own artifacts for its model: a failed
test of another model does not stop it; a failed test of its own model, a source that is not fresh and artifacts of
yesterday do. `DBT_PROJECT_DIR` names the project, and dbt must be on the `PATH` of the workers.

With [Cosmos](https://astronomer.github.io/astronomer-cosmos/) each dbt model is a task of its own that updates an
asset. Give the manifest that Cosmos parses (`ProjectConfig(manifest_path=...)`) to `DbtModel`, and let the asset
start this DAG, by the URI that Airflow's page of assets shows: `schedule=[Asset("postgres://...")]`. Leave `require`
out then: Cosmos runs each model's tests before what comes after it, and keeps no `run_results.json` of the whole
project.

`airflow heap exposures heap_dbt` prints these syncs for the dbt project, whose lineage then reaches Heap.

**Look at** the log of `users`: it says which tests of dbt were checked. With `make airflow` the project is in
`scripts/shop/`, and its first run installs dbt, which takes a minute.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_heap.models.dbt import DbtModel
from airflow_provider_heap.operators.heap import HeapAccountSyncOperator, HeapUserSyncOperator

# dbt reads this variable too.
PROJECT = os.environ.get("DBT_PROJECT_DIR", "/opt/dbt/shop")
MANIFEST = f"{PROJECT}/target/manifest.json"

with DAG(
    dag_id="heap_dbt",
    description="dbt builds and tests, then its models become users and accounts.",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["heap", "example"],
    default_args={"owner": "data", "sql_conn_id": "warehouse"},
    doc_md=__doc__,
):

    @task.bash(env={"DBT_PROJECT_DIR": PROJECT}, append_env=True)
    def dbt_build() -> str:
        """Build and test the project; the artifacts of the last command are those that the syncs read."""
        return "dbt source freshness; dbt build"

    users = HeapUserSyncOperator(
        task_id="users",
        model=DbtModel(
            "dim_users",
            manifest=MANIFEST,
            columns=["email", "company_id", "plan", "orders"],
            where="plan <> 'free'",
            require={"tests", "freshness"},
            max_age=timedelta(hours=1),
        ),
        identity="email",
        properties={"Company ID": "company_id", "Plan": "plan", "Orders": "orders"},
        # dbt fails when any test of the project fails; this model's own gates decide whether it is sent.
        trigger_rule="all_done",
    )

    accounts = HeapAccountSyncOperator(
        task_id="accounts",
        model=DbtModel("accounts", manifest=MANIFEST, require={"tests"}, max_age=timedelta(hours=1)),
        account_id="Account ID",
        properties=["Seats"],
    )

    dbt_build() >> users >> accounts
