"""
### Alerts

A sync that tolerates a few bad rows, logs what arrived when it fails, and asks a person to look when rows did not
arrive. Replace `log_failure` by a call of Slack, a pager or mail, or by one of Airflow's notifiers.

**Look at** the branch in the graph. Some people have no email, so `look_into_it` runs and `done` is skipped. To see a
failure, make the sandbox refuse a person on its page, and trigger the DAG again.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_heap.operators.heap import HeapUserSyncOperator

log = logging.getLogger(__name__)


def log_failure(context) -> None:
    """Log what a sync did before it failed."""
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
    description="Tolerate a few bad rows, ask a person to look at them, log what arrived before a failure.",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["heap", "example"],
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5), "on_failure_callback": log_failure},
    doc_md=__doc__,
):
    people = HeapUserSyncOperator(
        task_id="people",
        model="select email, plan from signups",
        sql_conn_id="warehouse",
        identity="email",
        # Up to one bad row in ten is not a failure; the branch below asks somebody to look at them.
        max_rejected=0.1,
        # Guards: with a broken join or an empty partition the task fails and nothing is sent.
        min_rows=1,
        max_rows=1_000_000,
        unique_key=True,
    )

    @task.branch
    def all_arrived(report: dict) -> str:
        """Return the task that comes next, by the counters of the sync."""
        return "look_into_it" if report["invalid"] + report["rejected"] else "done"

    @task
    def look_into_it(report: dict) -> None:
        """Log what did not arrive, for somebody to look at."""
        log.warning("Rows that did not arrive: %s. They are in %s", report["reasons"], report["rejects"])

    @task
    def done() -> None:
        """Take the place of what waits for the sync."""

    report = people.output
    all_arrived(report) >> [look_into_it(report), done()]
