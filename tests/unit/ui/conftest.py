"""Airflow's API server in this process, with its database and its auth manager."""

from __future__ import annotations

import pytest

from tests.system.dags import AIRFLOW_2

collect_ignore_glob = ["test_*.py"] if AIRFLOW_2 else []

DAGS = '''
from airflow.providers.common.compat.sdk import DAG, Asset
from airflow_provider_heap.operators.heap import (
    Constant, HeapEventSyncOperator, HeapRedriveOperator, HeapUserSyncOperator
)

class OurEvents(HeapEventSyncOperator):
    """Derived by a user, in a module of the user's."""

with DAG(dag_id="crm", schedule="@hourly", params={"dry_run": False}, is_paused_upon_creation=False):
    HeapUserSyncOperator(
        task_id="users", model="select email, plan from people", sql_conn_id="warehouse", identity="email",
        properties={"Plan": "plan", "Source": Constant("crm")}, dry_run="{{ params.dry_run }}", min_rows=1,
        outlets=[Asset("heap://heapanalytics.com/2388822444/users")],
    )
    OurEvents.partial(
        task_id="orders", model="orders.sql", sql_conn_id="warehouse", identity="email", insert_id="n",
        timestamp="at", event="Order",
    ).expand(parameters=[{"shard": 0}, {"shard": 1}])

with DAG(dag_id="other", schedule=None, is_paused_upon_creation=True):
    HeapRedriveOperator(task_id="again", path="/rejects")
'''


@pytest.fixture(scope="session")
def api_server(tmp_path_factory):
    """The API server with two DAGs of three syncs."""
    from airflow.api_fastapi.app import create_app

    from tests.unit.ui.seeding import store_dag

    store_dag(tmp_path_factory.mktemp("dags"), DAGS, "page_dags")
    return create_app(apps="core")


@pytest.fixture
def client(api_server):
    """Return a client of the API server for a role; None is nobody."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from fastapi.testclient import TestClient

    def make(role):
        client = TestClient(api_server)
        if role is not None:
            token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=f"the {role}", role=role))
            client.headers["Authorization"] = f"Bearer {token}"
        return client

    return make


@pytest.fixture
def runs(api_server):
    """Store runs; they are removed after the test."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    from tests.unit.ui import seeding

    yield seeding
    with create_session() as session:
        session.execute(delete(DagRun).where(DagRun.dag_id.in_(["crm", "other"])))
