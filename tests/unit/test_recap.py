"""The recap of a run in Markdown: figures that add up, the mapping, and nothing of a row unless it is asked for."""

from __future__ import annotations

import json
import re

import pytest

from airflow_provider_heap.exceptions import TooManyRejectedError
from airflow_provider_heap.operators.heap import (
    Constant,
    HeapEventSyncOperator,
    HeapRedriveOperator,
    HeapUserSyncOperator,
)
from airflow_provider_heap.recap import recap_markdown

PEOPLE = [{"email": f"user{n}@example.com", "pl|an": "<b>pro</b>", "seats": n} for n in range(5)]


@pytest.fixture
def people(heap_sandbox, warehouse):
    """A sync of five people and one without an email."""
    warehouse.table("users", [*PEOPLE, {"email": None, "pl|an": "pro", "seats": 1}])

    def sync(**parameters):
        given = {"model": "select * from users", "sql_conn_id": "warehouse", "identity": "email", "max_rejected": 0.5}
        properties = {"Plan": "pl|an", "Seats": "seats", "By": Constant("me")}
        return HeapUserSyncOperator(task_id="sync", properties=properties, **{**given, **parameters})

    return sync


def rows(markdown):
    """Return the rows of the first table as a dict."""
    return dict(re.findall(r"^\| \*{0,2}(.+?)\*{0,2} \| \*{0,2}([\d,]+)\*{0,2} \|$", markdown, re.MULTILINE))


def test_a_dry_run_says_what_would_be_sent_where_and_from_what(people, run, heap_sandbox):
    recap = recap_markdown(run(people(dry_run=True)))
    assert recap.startswith(
        "Sync **adhoc\\_airflow.sync** from connection 'warehouse': **5 users (update or create)** to be sent to the "
        f"Heap environment **2388822444** at {heap_sandbox.url} (region us, connection 'heap\\_default'). This was "
        "a dry run: nothing was sent."
    )
    counts = rows(recap)
    assert {name: counts[name] for name in ("read", "to be sent", "unchanged", "invalid", "… identity\\_null")} == {
        "read": "6",
        "to be sent": "5",
        "unchanged": "0",
        "invalid": "1",
        "… identity\\_null": "1",
    }
    assert "- Sync key: identity, from column **email**" in recap
    assert "- Sending takes as long as Heap needs to answer: it documents no limit for users" in recap
    assert "- State: none, so every row is sent in every run" in recap
    assert "- Rows that may be invalid or rejected: 50 %" in recap
    assert "| Plan | column **pl\\|an** |" in recap
    assert "| By | constant me |" in recap
    assert "user1" not in recap


def test_with_state_it_says_what_is_new_and_what_changed(people, run, warehouse):
    run(people(state_conn_id="warehouse"))
    warehouse.run("update users set seats = 99 where seats = 2")
    warehouse.run("insert into users values ('new@example.com', 'pro', 1)")
    recap = recap_markdown(run(people(state_conn_id="warehouse", dry_run=True)))
    counts = rows(recap)
    assert (counts["to be sent"], counts["… new"], counts["… changed"], counts["unchanged"]) == ("2", "1", "1", "4")
    assert "- State: table heap\\_sync\\_state, connection 'warehouse'\n" in recap
    full = recap_markdown(run(people(state_conn_id="warehouse", dry_run=True, full_sync=True)))
    assert "**all rows are sent**, whatever it says" in full


def test_events_say_how_long_heap_takes(heap_sandbox, warehouse, run):
    warehouse.table("orders", [{"id": n, "email": "ada@x.com", "at": "2026-11-20", "kind": "Order"} for n in range(3)])
    sync = HeapEventSyncOperator(
        task_id="sync",
        model="select * from orders",
        sql_conn_id="warehouse",
        insert_id="id",
        identity="email",
        timestamp="at",
        event_column="kind",
        dry_run=True,
        min_rows=1,
        max_null={"x": 0.25},
        properties={"x": "id"},
        unique_key=True,
    )
    report = run(sync)
    recap = recap_markdown(report)
    assert "- Sending takes less than a minute at 15,000 events a minute" in recap
    assert "- Sync key: idempotency\\_key, from column **kind** and column **id**" in recap
    assert "- Guards: min\\_rows 1 row, max\\_null x: 25 %, unique\\_key yes" in recap
    assert "takes about 67 min at" in recap_markdown({**report, "would_send": 1_000_000})
    assert "takes about 11.1 h at" in recap_markdown({**report, "would_send": 10_000_000})


def test_a_run_that_sent_says_so_and_lists_what_heap_refused(people, run, heap_sandbox):
    heap_sandbox.faults.refuse = frozenset({"user1@example.com"})
    with pytest.raises(TooManyRejectedError) as raised:
        run(people(max_rejected=0))
    recap = recap_markdown(raised.value.report)
    assert "4 were sent." in recap
    counts = rows(recap)
    assert (counts["sent"], counts["rejected"], counts["… http\\_400"]) == ("4", "1", "1")
    assert "Sending takes" not in recap


def test_first_items_have_kinds_in_the_place_of_values_unless_values_are_asked_for(people, run, tmp_path):
    report = run(people(dry_run=True, dry_run_path=str(tmp_path)))
    [kinds] = re.findall(r"```json\n(.*?)\n```", recap_markdown(report, items=1), re.DOTALL)
    assert json.loads(kinds) == {"identity": "text", "properties": {"By": "text", "Plan": "text", "Seats": "number"}}
    shown = recap_markdown(report, items=2, values=True)
    assert "The first 2 items of 5, as they would be sent" in shown
    assert "user1@example.com" in shown
    assert "user2@example.com" not in shown


def test_items_that_cannot_be_shown_say_why(people, run, tmp_path):
    report = run(people(dry_run=True))
    assert "set dry\\_run\\_path on the dry run to see them" in recap_markdown(report, items=1)
    elsewhere = {**report, "dry_run_path": str(tmp_path / "another worker")}
    assert "can't be read from here (FileNotFoundError)" in recap_markdown(elsewhere, items=1, values=True)
    assert "there are none" in recap_markdown({**elsewhere, "would_send": 0}, items=1)


def test_only_requests_to_heap_are_shown_whatever_an_xcom_says(people, run, tmp_path):
    (tmp_path / "000001.json").write_text('{"password": ["hunter2"]}')
    forged = {**run(people(dry_run=True)), "dry_run_path": str(tmp_path)}
    recap = recap_markdown(forged, items=5, values=True)
    assert "can't be read from here (ValueError)" in recap
    assert "hunter2" not in recap


def test_a_report_of_nothing_has_a_recap_too(run):
    recap = recap_markdown(run(HeapRedriveOperator(task_id="redrive", path="")))
    assert recap.startswith("**0 rows** were sent to Heap.")


def test_reports_of_before_have_counts_only(people, run):
    report = run(people(dry_run=True))
    del report["sync"]
    assert rows(recap_markdown(report))["to be sent"] == "5"
