"""
### Who hears of what

A sync that forgives a few rows, tells when it fails, and asks a person to look when rows did not arrive. `tell` is
where your Slack, pager or mail would be called; Airflow's notifiers fit in the same place.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_heap.operators.heap import HeapUserSyncOperator

log = logging.getLogger(__name__)


def tell(context) -> None:
    """Say what a failed sync did before it failed."""
    report = getattr(context["exception"], "report", None) or {}
    log.error(
        "%s failed (%s): %s rows sent, the others: %s",
        context["ti"].task_id,
        type(context["exception"]).__name__,
        report.get("sent", 0),
        report.get("reasons", {}),
    )


with DAG(
    dag_id="heap_alerts",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["heap", "example"],
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5), "on_failure_callback": tell},
    doc_md=__doc__,
):
    people = HeapUserSyncOperator(
        task_id="people",
        model="select email, plan from people",
        sql_conn_id="warehouse",
        identity="email",
        # One in ten is no failure; the branch below has an eye on them.
        max_rejected=0.1,
        # A join gone bad, or an empty partition, is one, and nothing is sent.
        min_rows=1,
        max_rows=1_000_000,
        unique_key=True,
    )

    @task.branch
    def all_arrived(report: dict) -> str:
        """Choose the next task by the counters of the sync."""
        return "look_into_it" if report["invalid"] + report["rejected"] else "done"

    @task
    def look_into_it(report: dict) -> None:
        """Ask a person."""
        log.warning("Rows that did not arrive: %s. They stand in %s", report["reasons"], report["rejects"])

    @task
    def done() -> None:
        """Go on with what waits for the sync."""

    report = people.output
    all_arrived(report) >> [look_into_it(report), done()]
