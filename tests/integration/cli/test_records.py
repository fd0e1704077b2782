"""``airflow heap state``, ``check`` and ``preview`` of a sync whose rows are compared in their database."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.parametrize(
    "source",
    ["sqlite", *(pytest.param(name, marks=pytest.mark.warehouse) for name in ("snowflake", "bigquery"))],
    indirect=True,
)

DAG = """
with DAG(dag_id="people", schedule=None):
    common = dict(sql_conn_id="{conn_id}", identity="email", state_conn_id="sqlite", diff_schema="{schema}")
    HeapUserSyncOperator(task_id="users", model="select * from users", **common)
    HeapUserSyncOperator(task_id="nowhere", model="select * from users", **{{**common, "diff_schema": "nowhere"}})
    HeapEventSyncOperator(
        task_id="named", event_column="plan", insert_id="n", timestamp=None, model="select * from users", **common)
"""


@pytest.fixture(autouse=True)
def _people(dag_file, source, heap_sandbox):
    source.run("create table users (email varchar(200), plan varchar(50), seats integer, n integer)")
    rows = ", ".join(f"('u{n}@example.com', 'pro', {n}, {n})" for n in range(1, 6))
    source.run(f"insert into users values {rows}")
    dag_file(DAG.format(conn_id=source.conn_id, schema=source.schema))


@pytest.fixture
def sync(run, users):
    """Run the task ``users`` as its DAG would."""
    return lambda: run(users(task_id="users", sync_name="people.users"))


def test_what_is_recorded_is_shown_and_forgotten(heap, source, sync):
    sync()
    [shown] = json.loads(heap("state", "show", "people", "users", "--output", "json"))
    assert (shown["keys"], shown["table"].partition(".")[0]) == ("5", f"{source.conn_id}, {source.schema}")
    assert "was sent 20" in heap("state", "show", "people", "users", "--key", "u1@example.com")
    assert "is not recorded" in heap("state", "show", "people", "users", "--key", "U1@example.com")
    assert "1 key of sync" in heap("state", "forget", "people", "users", "--key", "u1@example.com")
    assert sync()["sent"] == 1
    assert "5 keys" in heap("state", "forget", "people", "users", "--all", "--yes")
    assert sync()["sent"] == 5


def test_what_is_adopted_is_not_sent(heap, sync, source, heap_sandbox):
    source.run("insert into users values (null, 'pro', 1, 1)")
    with pytest.raises(SystemExit):
        heap("state", "adopt", "people", "users")
    source.run("delete from users where email is null")
    assert "0 rows of sync people.users were recorded as sent, 5 were recorded already" in heap(
        "state", "adopt", "people", "users"
    )
    assert sync()["unchanged"] == 5
    assert not heap_sandbox.requests


def test_a_file_brings_back_what_was_recorded(heap, sync, tmp_path):
    sync()
    path = str(tmp_path / "state.jsonl")
    assert "5 keys" in heap("state", "export", "people", "users", path)
    heap("state", "forget", "people", "users", "--all", "--yes")
    assert "5 keys" in heap("state", "import", "people", "users", path)
    assert sync()["unchanged"] == 5


def test_the_key_of_an_event_whose_name_is_in_a_column_has_both(heap):
    heap("state", "adopt", "people", "named")
    assert "was sent" in heap("state", "show", "people", "named", "--key", "3", "--event", "pro")
    with pytest.raises(SystemExit):
        heap("state", "show", "people", "named", "--key", "3")


def test_check_tries_the_rights(heap):
    assert "users: fits" in heap("check", "people", "users")
    with pytest.raises(SystemExit):
        heap("check", "people", "nowhere")


def test_a_preview_shows_the_changes(heap, sync, source):
    sync()
    source.run("update users set seats = 99 where n < 3")
    shown = json.loads(heap("preview", "people", "users", "--all", "--output", "json"))
    assert shown["counts"]["would_send"] == 2
    assert shown["counts"]["unchanged"] == 3
    assert [row["samples"] for row in shown["mapping"] if row["property"] == source.name("seats")] == [[99]]
    shown = json.loads(heap("preview", "people", "users", "--rows", "1", "--output", "json"))
    assert (shown["counts"]["would_send"], shown["counts"]["unchanged"], shown["complete"]) == (1, 0, False)


def test_one_row_is_shown_and_not_sent_alone(heap, heap_sandbox):
    shown = json.loads(heap("preview", "people", "users", "--key", "u1@example.com", "--output", "json"))
    assert (shown["state"], shown["item"]["identity"]) == ("in the database", "u1@example.com")
    with pytest.raises(SystemExit, match="one that is sent alone is not recorded"):
        heap("preview", "people", "users", "--key", "u1@example.com", "--send", "-y")
    assert not heap_sandbox.requests
