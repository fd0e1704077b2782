"""``airflow heap init`` writes a DAG file that passes ``airflow heap check``."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

TABLES = {
    "users": "create table users (id int, email varchar(99), plan text, trial_ends_at timestamp, token text)",
    "orders": "create table orders (order_id int, email varchar(99), amount int, ordered_at timestamp)",
    "companies": "create table companies (company_id varchar(9), name text, mrr int)",
    "odd": 'create table odd (email varchar(99), "Full Name" text, "order" int, "it\'s" int)',
}


@pytest.fixture
def file(dag_file, tmp_path, heap_sandbox, monkeypatch):
    """The file to write, in the folder of DAGs."""
    dag_file("")
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    return tmp_path / "dags" / "mine.py"


@pytest.fixture(params=["warehouse", "pg"])
def conn(request, warehouse):
    """A connection to each database that has the tables."""
    if request.param == "pg":
        server = request.getfixturevalue("postgres")
        for statement in TABLES.values():
            server.execute(statement)
    else:
        with closing(sqlite3.connect(warehouse.path)) as database, database:
            for statement in TABLES.values():
                database.execute(statement)
    return request.param


@pytest.mark.parametrize(
    ("table", "object_name", "lines"),
    [
        (
            "users",
            "user",
            ['identity="email"', '"Trial Ends At": "trial_ends_at"', "# token: left out, by its name a secret"],
        ),
        ("orders", "event", ['event="Order"', 'insert_id="order_id"', 'timestamp="ordered_at"', 'identity="email"']),
        ("companies", "account", ['account_id="company_id"', '"MRR": "mrr"']),
        ("odd", "user", ['model="select * from odd"', '"Full Name": "Full Name"', '"Order": "order"']),
    ],
)
def test_the_file_fits_its_table(heap, file, conn, table, object_name, lines):
    printed = heap("init", "--conn", conn, "--table", table, "--dag-id", "mine", "--output", str(file))
    assert f"Wrote {file}. Read it, then:\n  airflow heap check mine" in printed
    text = file.read_text()
    for line in lines:
        assert line in text
    checked = heap("check", "mine")
    assert checked.startswith(f"{object_name}s: fits")
    assert checked.splitlines()[-1] == "1 checked, 0 problems"


def test_options_come_before_what_is_proposed(heap, file, conn):
    heap(
        "init",
        "--conn",
        conn,
        "--table",
        "users",
        "--object",
        "account",
        "--key",
        "ID",
        "-o",
        str(file),
        "--dag-id",
        "x",
    )
    text = file.read_text()
    assert "HeapAccountSyncOperator" in text
    assert 'account_id="id"' in text


def test_what_is_not_given_is_asked_with_a_proposal(heap, file, conn, monkeypatch):
    asked = []
    answers = iter([conn, "orders", "", "", "", "", "mine", str(file)])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or next(answers))
    heap("init")
    assert [question.rpartition("[")[2].rstrip("]: ") for question in asked[2:7]] == [
        "event",
        "order_id",
        "email",
        "ordered_at",
        "heap_orders",
    ]
    assert 'dag_id="mine"' in file.read_text()


def test_no_file_is_written_that_deletes_users(heap, file, conn, monkeypatch, capsys):
    words = ["init", "--conn", conn, "--table", "users", "--output", str(file)]
    with pytest.raises(SystemExit):
        heap(*words, "--object", "user deletion")
    assert "invalid choice: 'user deletion'" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: "user deletion")
    with pytest.raises(SystemExit, match="found 'user deletion'"):
        heap(*words)
    assert not file.exists()


def test_a_file_is_not_overwritten_without_asking(heap, file, conn, monkeypatch):
    file.write_text("# mine")
    words = ["init", "--conn", conn, "--table", "users", "--dag-id", "mine", "--output", str(file)]
    monkeypatch.setattr("builtins.input", lambda: "n")
    with pytest.raises(SystemExit, match=r"Nothing was written\."):
        heap(*words)
    assert file.read_text() == "# mine"
    heap(*words, "-y")
    assert "HeapUserSyncOperator" in file.read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--table", "users"], "SQL connection of Airflow that has the table: not given"),
        (["--conn", "warehouse"], "Table, may be schema.table: not given"),
        (["--conn", "nowhere", "--table", "users"], "--conn is 'nowhere', and Airflow has no connection of this ID"),
        (["--conn", "warehouse", "--table", "users; drop table users"], "is not the name of a table"),
        (["--conn", "warehouse", "--table", "users", "--key", "mail"], "no column 'mail'. Did you mean 'email'"),
        (["--conn", "warehouse", "--table", "users", "--dag-id", "a b"], "can't be the ID of a DAG"),
    ],
)
def test_a_mistake_is_answered_before_anything_is_written(heap, file, warehouse, words, message):
    with closing(sqlite3.connect(warehouse.path)) as database, database:
        database.execute(TABLES["users"])
    with pytest.raises(SystemExit) as raised:
        heap("init", *words)
    assert message in str(raised.value.code)
    assert not file.exists()
