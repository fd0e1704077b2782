"""
### Heap demo

Creates a small warehouse in SQLite, with some bad rows as in real life, and sends it to Heap: people as users,
companies as accounts, orders as events. `make demo` runs it against the sandbox; with the App ID of a test
environment in the connection `heap_default` it goes to Heap.

**Look at** the log of `users`: two people have no email, and are counted as `invalid`. They are kept in the file that
it names.
"""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

from airflow.providers.common.compat.sdk import dag, task

from airflow_provider_heap.operators.heap import (
    Constant,
    HeapAccountSyncOperator,
    HeapEventSyncOperator,
    HeapUserSyncOperator,
    RowTemplate,
)

# A separate connection: the demo drops and creates its tables, and must not touch yours.
WAREHOUSE = "heap_demo_warehouse"
REJECTS = str(Path(tempfile.gettempdir()) / "heap-demo-rejects")

TABLES = {
    "companies (id integer, name text, plan text, mrr numeric, renews_on text)": [
        (1, "Analytical Engines Ltd", "enterprise", 4900.5, "2027-01-01"),
        (2, "Müller & Söhne", "starter", 49, None),
        (3, "東京データ", "professional", 990, "2026-12-31"),
        (None, "No number, so no account", "free", 0, None),
    ],
    "people (email text, first text, last text, company_id integer, seats integer, is_admin boolean, about text)": [
        ("ada@example.com", "Ada", "Lovelace", 1, 3, 1, "wrote the first program"),
        ("grace@example.com", "Grace", "Hopper", 1, 1, 1, "a note that is far too long " * 200),
        ("jürgen@example.com", "Jürgen", "Müller", 2, 5, 0, 'likes 🍰 and "quotes"'),
        ("yuki@example.com", "雪", None, 3, None, 0, None),
        ("ada@example.com", "Ada", "King", 1, 4, 1, "the same person again: the last row wins"),
        (None, "Nobody", "Null", 2, 1, 0, "has no email, so Heap could not tell who it is"),
        ("   ", "Blank", "Blank", 2, 1, 0, "has a blank one"),
    ],
    "orders (id integer, email text, amount numeric, currency text, paid boolean, ordered_at text)": [
        (1001, "ada@example.com", 19.9, "EUR", 1, "2026-11-20 09:15:00"),
        (1002, "grace@example.com", 250, "USD", 1, "2026-11-20T10:00:00Z"),
        (1003, "yuki@example.com", 12000, "JPY", 0, "2026-11-21 23:59:59.5+09:00"),
        (1003, "yuki@example.com", 12000, "JPY", 0, "2026-11-21 23:59:59.5+09:00"),
        (1004, None, 5, "EUR", 1, "2026-11-22 08:00:00"),
        (1005, "ada@example.com", 75, "EUR", 1, "yesterday, more or less"),
    ],
}


@dag(
    dag_id="heap_demo",
    description="Makes a small warehouse with bad rows, and sends users, accounts and events.",
    schedule=None,
    catchup=False,
    tags=["heap", "example"],
    default_args={"owner": "data", "retries": 1},
    doc_md=__doc__,
)
def heap_demo():
    @task
    def make_warehouse() -> None:
        """Drop and create the demo's tables."""
        # Imported here: a DAG file is parsed over and over.
        from airflow.providers.sqlite.hooks.sqlite import SqliteHook

        with closing(SqliteHook(WAREHOUSE).get_conn()) as connection, connection:
            for table, rows in TABLES.items():
                name = table.split()[0]
                connection.execute(f"drop table if exists {name}")
                connection.execute(f"create table {table}")
                connection.executemany(f"insert into {name} values ({', '.join('?' * len(rows[0]))})", rows)

    # Users first: they carry the Account ID by which Heap finds the accounts of the next task.
    users = HeapUserSyncOperator(
        task_id="users",
        model="select *, email as mail from people",
        sql_conn_id=WAREHOUSE,
        identity="email",
        properties={
            "email": "mail",
            "Name": RowTemplate("{{ first }} {{ last or '' }}"),
            "Company ID": "company_id",
            "Seats": "seats",
            "Admin": "is_admin",
            "About": "about",
            "Source": Constant("heap_demo of {{ run_id }}"),
        },
        # Two people of the demo have no email. Choose the number for your own task in the same way.
        max_rejected=2,
        rejects_path=REJECTS,
    )

    accounts = HeapAccountSyncOperator(
        task_id="accounts",
        model="select * from companies",
        sql_conn_id=WAREHOUSE,
        account_id="id",
        properties={"Name": "name", "Plan": "plan", "MRR": "mrr", "Renews": "renews_on"},
        max_rejected=1,
        rejects_path=REJECTS,
    )

    events = HeapEventSyncOperator(
        task_id="orders",
        model="select * from orders order by ordered_at",
        sql_conn_id=WAREHOUSE,
        identity="email",
        event="Order Placed",
        # Order 1003 is there twice; by its insert ID Heap counts it once.
        insert_id="id",
        timestamp="ordered_at",
        timezone="Europe/Berlin",
        properties=["amount", "currency", "paid"],
        max_rejected=0.5,
        rejects_path=REJECTS,
    )

    make_warehouse() >> users >> accounts >> events


heap_demo()
