"""``airflow heap check`` tells in CI what would fail in the night, without reading a row."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

DAG = """
with DAG(dag_id="people", schedule=None):
    common = dict(sql_conn_id="{conn}", identity="email")
    HeapUserSyncOperator(task_id="users", model="with u as (select * from users) select * from u order by n;",
                         properties={{"Plan": "PLAN", "Both": RowTemplate("{{{{ plan }}}}")}}, **common)
    HeapUserSyncOperator(task_id="all", model="select * from users -- the end", state_conn_id="{conn}", **common)
    HeapUserSyncOperator.partial(task_id="shards", **common).expand(model=["select * from users", "select 1 as a"])
"""
WRONG = """
with DAG(dag_id="people", schedule=None):
    common = dict(sql_conn_id="warehouse", identity="email")
    HeapUserSyncOperator(task_id="good", model="select * from users", **common)
    HeapUserSyncOperator(task_id="missing", model="select * from users", properties=["nix"], **common)
    HeapUserSyncOperator(task_id="reserved", model="select email, n as id from users", **common)
    HeapUserSyncOperator(task_id="twice", model="select email, n, n from users", **common)
    HeapUserSyncOperator(task_id="sql", model="select * from nix", **common)
    HeapUserSyncOperator(task_id="deed", model="insert into users values ('new', 'free', 1, 1)", **common)
    HeapUserSyncOperator(task_id="guard", model="select * from users", max_rows="many", **common)
    HeapUserSyncOperator(task_id="connection", model="select 1 as email", sql_conn_id="nowhere", identity="email")
    HeapUserSyncOperator(task_id="state", model="select * from users", state_conn_id="stat", **common)
    HeapUserSyncOperator(task_id="storage", model="select * from users", rejects_path="nope://bucket", **common)
    HeapUserSyncOperator(task_id="conf", model="select {{ dag_run.conf['x'] }}", **common)
"""


@pytest.fixture
def problems(heap, capsys):
    """Check tasks that have problems, and return these by task."""

    def run(*words):
        with pytest.raises(SystemExit) as caught:
            heap("check", "people", *words, "--output", "json")
        assert caught.value.code == 1
        return {one["task"]: one["problems"] for one in json.loads(capsys.readouterr().out)}

    return run


def test_syncs_that_fit_pass_and_columns_without_a_use_are_named(dag_file, heap, warehouse, heap_sandbox):
    warehouse.users(3)
    dag_file(DAG.format(conn="warehouse"))
    told = heap("check", "people")
    assert told.splitlines()[0] == "users: fits"
    assert "  email → identity\n  plan → Plan" in told
    assert "note: column 'seats' is not mapped" in told
    assert "note: the driver does not say the types" in told
    assert told.splitlines()[-1] == "3 checked, 0 problems"
    assert heap("check", "people", "all").splitlines()[-1] == "1 checked, 0 problems"
    assert heap_sandbox.requests == []


def test_each_problem_is_told_and_none_hides_another(dag_file, problems, warehouse, heap_sandbox):
    warehouse.users(3)
    dag_file(WRONG)
    found = problems()
    assert found.pop("good") == []
    for task, part in {
        "missing": "needs the column 'nix': no such column. The model has: 'email'",
        "reserved": "Heap does not allow a property named 'id'",
        "twice": "more than one column named 'n'",
        "sql": "no such table: nix",
        "deed": "would write: it has INSERT",
        "guard": "max_rows must be a whole number; found 'many'",
        "connection": "sql_conn_id of task 'connection' is 'nowhere', and Airflow has no connection of this ID",
        "state": "state_conn_id of task 'state' is 'stat', and Airflow has no connection of this ID",
        "storage": "rejects_path='nope://bucket' is not a folder that can be used",
        "conf": "has no attribute 'x'",
    }.items():
        assert found[task], task
        [problem] = found[task]
        assert part in problem
    with closing(sqlite3.connect(warehouse.path)) as database:
        assert database.execute("select count(*) from users").fetchone() == (3,)


def test_strict_makes_a_problem_of_a_column_without_a_use(dag_file, problems, warehouse, heap_sandbox):
    warehouse.users(3)
    dag_file(DAG.format(conn="warehouse"))
    assert problems("--strict")["users"] == ["column 'seats' is not mapped", "column 'n' is not mapped"]


@pytest.mark.parametrize("database", ["pg", "maria"])
def test_no_row_is_read_and_bytes_are_told_from_text_where_the_driver_does(
    dag_file, heap, problems, heap_sandbox, request, database
):
    server = request.getfixturevalue({"pg": "postgres", "maria": "mariadb"}[database])
    binary = {"pg": "bytea", "maria": "blob"}[database]
    server.execute(f"create table users (email varchar(99), n int, plan text, photo {binary}, at timestamp null)")
    dag_file(
        DAG.format(conn=database).partition("    HeapUserSyncOperator(task_id")[0]
        + """
    slow = {"pg": "select pg_sleep(60), u.*", "maria": "select sleep(60), u.*"}[common["sql_conn_id"]]
    HeapUserSyncOperator(task_id="slow", model=slow + " from users u", properties=["plan", "at"], **common)
    HeapUserSyncOperator(task_id="photos", model="select * from users", **common)
"""
    )
    server.execute("insert into users (email) values ('a'), ('b')")
    [found] = json.loads(heap("check", "people", "slow", "--output", "json"))
    types = {
        "pg": ["varchar(99)", "int4", "text", "bytea", "timestamp"],
        "maria": ["string", "number", "string", "binary", "datetime"],
    }[database]
    assert [column["type"] for column in found["columns"][1:]] == types
    assert f"column 'photo' is of type {types[3]}, which has no JSON form" in problems("photos")["photos"][0]


def test_types_that_no_key_and_no_timestamp_can_have_are_problems(dag_file, problems, postgres, heap_sandbox):
    postgres.execute("create table orders (id int, email text, ok boolean, tags text[], at bigint, moment timestamptz)")
    dag_file("""
with DAG(dag_id="people", schedule=None):
    common = dict(sql_conn_id="pg", model="select * from orders", properties=[])
    events = dict(insert_id="id", identity="email", event="Order", **common)
    HeapUserSyncOperator(task_id="good", identity="id", **common)
    HeapUserSyncOperator(task_id="boolean", identity="ok", **common)
    HeapUserSyncOperator(task_id="array", identity="tags", **common)
    HeapEventSyncOperator(task_id="moment", timestamp="moment", **events)
    HeapEventSyncOperator(task_id="number", timestamp="at", **events)
""")
    found = problems()
    assert (found["good"], found["moment"]) == ([], [])
    assert found["number"][0].startswith("column 'at' is of type int8, and nothing says which unit a number has")
    assert "to_timestamp(...)" in found["number"][0]
    assert found["boolean"][0].startswith("column 'ok' is of type bool, which can't be the identity")
    assert found["array"][0].startswith("column 'tags' is of type text[], which can't be the identity")


def test_without_a_dag_all_are_checked_and_a_file_that_cannot_be_parsed_is_a_problem(
    dag_file, heap, warehouse, heap_sandbox, tmp_path, capsys
):
    warehouse.users(3)
    dag_file(
        DAG.format(conn="warehouse")
        + """
with DAG(dag_id="other", schedule=None):
    HeapUserSyncOperator(task_id="users", model="select * from users", **common)
with DAG(dag_id="without", schedule=None):
    pass
"""
    )
    printed = heap("check").splitlines()
    assert [line for line in printed if line.endswith("fits")] == [
        "other.users: fits",
        "people.users: fits",
        "people.all: fits",
        "people.shards: fits",
    ]
    assert printed[-1] == "4 checked, 0 problems"
    (tmp_path / "dags" / "broken.py").write_text("from airflow.sdk import DAG\n\n1 / 0\n")
    with pytest.raises(SystemExit) as caught:
        heap("check")
    assert caught.value.code == 1
    printed = capsys.readouterr().out
    assert "other.users: fits" in printed
    assert "broken.py: does not fit" in printed
    assert 'broken.py", line 3, in <module>' in printed
    assert "ZeroDivisionError: division by zero" in printed
    assert printed.splitlines()[-1] == "5 checked, 1 problem"
    with pytest.raises(SystemExit):
        heap("check", "--output", "json")
    results = json.loads(capsys.readouterr().out)
    assert [(one["dag"], one["task"].rpartition("/")[2]) for one in results][-2:] == [
        ("people", "shards"),
        (None, "broken.py"),
    ]


def test_a_repository_without_a_sync_is_not_checked_in_silence(dag_file, heap):
    dag_file("\nDAG(dag_id='nothing', schedule=None)\n")
    with pytest.raises(SystemExit, match="No DAG in the DAG bundles has a sync to Heap"):
        heap("check")
