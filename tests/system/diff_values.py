"""Tests of a database's own types, for the modules that have it as their fixture ``source``."""

from __future__ import annotations

import json

from airflow_provider_heap.operators.heap import HeapRedriveOperator
from airflow_provider_heap.sandbox import Faults

DAG = """
with DAG(dag_id="people", schedule=None):
    common = dict(model="select * from users", identity="email", state_conn_id="sqlite")
    HeapUserSyncOperator(task_id="users", sql_conn_id="{conn}", diff_schema="{schema}", **common)
    HeapUserSyncOperator(task_id="nowhere", sql_conn_id="{conn}", diff_schema="nowhere", **common)
"""


def _model(values, chosen):
    """Return a query with a row for each kind of value, whose columns are each of the type that is named first."""
    rows = []
    for row in ("same", *values):
        columns = [
            f"cast({some[chosen(row, name) % len(some)]} as {kind}) as {name}" for name, (kind, some) in values.items()
        ]
        rows.append(f"select '{row}' as email, {', '.join(columns)}")
    return " union all ".join(rows)


def test_each_change_of_a_value_is_seen_and_nothing_else(heap_sandbox, source, users, run):
    """From each value to the next one, in the row of its kind alone; and of the others not one is sent."""
    steps = max(len(some) for _, some in source.values.values())
    for step in range(steps + 1):
        model = _model(source.values, lambda row, name, step=step: step if row == name else 0)
        source.run(f"create or replace view people as {model}")
        heap_sandbox.requests.clear()
        report = run(users("select * from people"))
        sent = {item["identity"] for request in heap_sandbox.requests for item in request.items}
        assert sent == ({"same", *source.values} if not step else set(source.values)), step
        assert report["unchanged"] == (0 if not step else 1)
    assert run(users("select * from people"))["unchanged"] == len(source.values) + 1


def test_a_number_is_one_key_however_it_is_written(heap_sandbox, source, users, run, ti):
    for value, text in source.keys:
        operator = users(f"select {value} as email, 1 as x", sync_name=f"keys-{text}-{value[:9]}")
        run(operator)
        comparison = operator.comparison(operator.plan({"ti": ti}))
        assert comparison.sent_at(comparison.hash_of([text])) is not None, value
        assert list(heap_sandbox.users) == [text]
        heap_sandbox.users.clear()


def test_the_commands_know_the_table(heap_sandbox, source, heap, dag_file, users, run, tmp_path, capsys):
    source.run("create table users (email varchar(200), n integer)")
    source.run("insert into users values ('u1', 1), ('u2', 2), ('u3', 3)")
    dag_file(DAG.format(conn=source.conn_id, schema=source.schema))
    found = json.loads(heap("check", "people", "users", "--output", "json"))
    assert [one["problems"] for one in found] == [[]]
    assert not source.tables
    try:
        heap("check", "people", "nowhere")
    except SystemExit:
        assert "the role must be allowed to create tables in it" in capsys.readouterr().out
    assert "3 rows of sync people.users were recorded as sent" in heap("state", "adopt", "people", "users")
    sync = users(sync_name="people.users")
    assert run(sync)["unchanged"] == 3
    path = str(tmp_path / "state.jsonl")
    assert "3 keys" in heap("state", "export", "people", "users", path)
    assert "was sent 20" in heap("state", "show", "people", "users", "--key", "u1")
    assert "1 key of sync" in heap("state", "forget", "people", "users", "--key", "u1")
    assert "is not recorded" in heap("state", "show", "people", "users", "--key", "u1")
    shown = json.loads(heap("preview", "people", "users", "--all", "--output", "json"))
    assert (shown["counts"]["would_send"], shown["counts"]["unchanged"]) == (1, 2)
    assert run(sync)["sent"] == 1
    assert "3 keys" in heap("state", "forget", "people", "users", "--all", "--yes")
    assert "3 keys" in heap("state", "import", "people", "users", path)
    assert run(sync)["unchanged"] == 3
    assert len(source.tables) == 1


def test_a_refused_row_is_sent_again_from_its_file_and_by_the_next_run(heap_sandbox, source, users, run, tmp_path):
    source.run("create table users (email varchar(200), n integer)")
    source.run("insert into users values ('a@example.com', 1), ('b@example.com', 2)")
    operator = users(max_rejected=1, rejects_path=str(tmp_path / "rejects"))
    heap_sandbox.faults = Faults(refuse={"b@example.com"})
    report = run(operator)
    assert (report["sent"], report["rejected"]) == (1, 1)
    heap_sandbox.faults = Faults()
    assert run(HeapRedriveOperator(task_id="again", path=report["rejects"]))["sent"] == 1
    assert heap_sandbox.users["b@example.com"] == {"n": 2}
    report = run(operator)
    assert (report["sent"], report["unchanged"]) == (1, 1)
    assert run(operator)["unchanged"] == 2
