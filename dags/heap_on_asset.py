"""
### Lifetime value of each account, as soon as the warehouse has it

The first DAG takes the place of the one that builds your warehouse: it updates an asset. The second waits for that
asset instead of a time of day, sends the accounts to Heap, and updates an asset of its own, whose events have the
counters of the sync: DAGs that wait for it, and people who look at it, see how many rows were sent.

**Look at** *Assets* in the menu: trigger `heap_on_asset_warehouse`, and `heap_on_asset` follows. The event of the asset
`heap://…/accounts` has the counters.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, Asset
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

from airflow_provider_heap.operators.heap import HeapAccountSyncOperator

ACCOUNT_VALUES = Asset("warehouse://analytics/account_values")
# Its name in lineage: heap://<host>/<App ID>/<users, accounts or events>.
HEAP_ACCOUNTS = Asset("heap://heapanalytics.com/2388822444/accounts")

common = {
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "catchup": False,
    "max_active_runs": 1,
    "tags": ["heap", "example"],
    "default_args": {"owner": "data", "retries": 3, "retry_delay": timedelta(minutes=5)},
    "doc_md": __doc__,
    "description": "Lifetime values of accounts, sent as soon as the warehouse has computed them.",
}

with DAG(dag_id="heap_on_asset_warehouse", schedule="0 3 * * *", **common):
    SQLExecuteQueryOperator(
        task_id="account_values",
        conn_id="warehouse",
        sql=[
            "drop table if exists account_values",
            """
            create table account_values as
            select
                c.company_id,
                c.name,
                coalesce(sum(o.amount), 0) as lifetime_value,
                max(o.ordered_at) as last_order_at
            from companies c
            left join people p on p.company_id = c.company_id
            left join orders o on o.email = p.email
            group by c.company_id, c.name
            """,
        ],
        outlets=[ACCOUNT_VALUES],
    )

with DAG(dag_id="heap_on_asset", schedule=[ACCOUNT_VALUES], **common):
    HeapAccountSyncOperator(
        task_id="accounts",
        model="select * from account_values",
        sql_conn_id="warehouse",
        account_id="company_id",
        properties={"Name": "name", "Lifetime Value": "lifetime_value", "Last Order": "last_order_at"},
        outlets=[HEAP_ACCOUNTS],
    )
