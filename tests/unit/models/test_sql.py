"""A query's columns and rows come as they are, in chunks, from real databases."""

from __future__ import annotations

import io
import itertools
import json
import os
import resource

import pytest
from airflow.providers.common.compat.sdk import BaseHook
from airflow.providers.common.sql.hooks.sql import DbApiHook

from airflow_provider_heap.exceptions import ModelError, ModelUnavailableError
from airflow_provider_heap.models import ReadContext
from airflow_provider_heap.models.sql import SqlModel
from airflow_provider_heap.operators.heap import HeapUserSyncOperator
from tests.conftest import _absent


def read(conn_id, sql, parameters=None, fetch_size=10, **hook_params):
    """Return the columns and the chunks of a query."""
    source = ReadContext(
        lambda: BaseHook.get_connection(conn_id).get_hook(hook_params=hook_params), parameters, fetch_size
    )
    with SqlModel(sql).open(source) as rows:
        return list(rows.columns), list(rows.chunks)


@pytest.fixture
def duck(tmp_path, monkeypatch):
    """A DuckDB database, with a community provider's connection ``duck`` to it."""
    duckdb = pytest.importorskip("duckdb")
    path = str(tmp_path / "warehouse.duckdb")
    monkeypatch.setenv("AIRFLOW_CONN_DUCK", json.dumps({"conn_type": "duckdb", "host": path}))
    return lambda statement: duckdb.connect(path).execute(statement).close()


@pytest.fixture
def odbc(warehouse, monkeypatch):
    """The warehouse through ODBC, as the connection ``odbc``."""
    try:
        import pyodbc

        if "SQLite3" not in pyodbc.drivers():
            _absent("no ODBC driver SQLite3 (apt-get install unixodbc libsqliteodbc)")
    except ImportError as error:
        _absent(f"no ODBC: {error} (apt-get install unixodbc libsqliteodbc)")
    monkeypatch.setenv("AIRFLOW__PROVIDERS_ODBC__ALLOW_DRIVER_IN_EXTRA", "True")
    connection = {"conn_type": "odbc", "extra": {"driver": "SQLite3", "Database": str(warehouse.path)}}
    monkeypatch.setenv("AIRFLOW_CONN_ODBC", json.dumps(connection))
    return warehouse


@pytest.fixture(params=["warehouse", "pg", "maria", "odbc", "duck"])
def database(request):
    """Five databases, each with the numbers 1 to 25 in a table."""
    if request.param == "pg":
        request.getfixturevalue("postgres").execute("create table numbers as select n from generate_series(1, 25) n")
    elif request.param == "maria":
        request.getfixturevalue("mariadb").execute("create table numbers as select seq as n from seq_1_to_25")
    elif request.param == "duck":
        request.getfixturevalue("duck")("create table numbers as select range::int as n from range(1, 26)")
    else:
        request.getfixturevalue(request.param).table("numbers", [{"n": n} for n in range(1, 26)])
    return request.param


def test_rows_come_in_chunks_of_the_fetch_size_and_in_order(database):
    columns, chunks = read(database, "select n, n * 2 as twice from numbers order by n;")
    assert columns == ["n", "twice"]
    assert [len(chunk) for chunk in chunks] == [10, 10, 5]
    assert [tuple(row) for chunk in chunks for row in chunk] == [(n, n * 2) for n in range(1, 26)]


def test_a_query_without_rows_has_columns_all_the_same(database):
    assert read(database, "select n from numbers where n > 99") == (["n"], [])


@pytest.mark.parametrize("sql", ["update numbers set n = 0", "delete from numbers", "create table other (n int)"])
def test_a_statement_that_would_write_is_refused_and_changes_nothing(database, sql):
    with pytest.raises(ModelError, match=r"would write: it has (UPDATE|DELETE|CREATE)"):
        read(database, sql)
    [[row]] = read(database, "select count(*), min(n) from numbers")[1]
    assert tuple(row) == (25, 1)


@pytest.mark.parametrize("sql", ["", "  ;; "])
def test_an_empty_statement_is_refused(warehouse, sql):
    with pytest.raises(ModelError, match="empty"):
        read("warehouse", sql)


def test_parameters_are_bound_in_the_style_of_the_database(database):
    sql, parameters = {
        "warehouse": ("select n from numbers where n > :least", {"least": 23}),
        "pg": ("select n from numbers where n > %(least)s", {"least": 23}),
        "maria": ("select n from numbers where n > %(least)s", {"least": 23}),
        "odbc": ("select n from numbers where n > ?", [23]),
        "duck": ("select n from numbers where n > $least", {"least": 23}),
    }[database]
    assert [tuple(row) for row in read(database, sql, parameters)[1][0]] == [(24,), (25,)]


@pytest.mark.parametrize("parameters", ["abc", {1, 2}, 5])
def test_parameters_of_a_wrong_kind_are_refused_before_a_connection_is_opened(parameters):
    hook = AwkwardHook()
    with (
        pytest.raises(ModelError, match=r"parameters must be a dict.* or a list; found (str|set|int)"),
        SqlModel("select 1").open(ReadContext(lambda: hook, parameters, 10)),
    ):
        pass
    assert not hook.connections


@pytest.mark.parametrize("parameters", [[1, 2, 3], {"other": 1}, {}])
def test_parameters_that_do_not_fit_the_query_get_the_form_of_the_driver(database, parameters):
    form = {
        "warehouse": ":name` with a dict or `\\?` with a list",
        "pg": r"%\(name\)s` with a dict or `%s` with a list",
        "maria": r"%\(name\)s` with a dict or `%s` with a list",
        "odbc": r"`\?` with a list",
        "duck": r"`\$name` with a dict or `\?` with a list",
    }[database]
    sql = {
        "warehouse": "select n from numbers where n = :n",
        "pg": "select n from numbers where n = %(n)s",
        "maria": "select n from numbers where n = %(n)s",
        "odbc": "select n from numbers where n = ?",
        "duck": "select n from numbers where n = $n",
    }[database]
    if not parameters and database in ("pg", "maria"):
        pytest.skip("the query goes to the server as it is, which finds a syntax error in it")
    with pytest.raises(ModelError, match=form):
        read(database, sql, parameters)


def test_a_syntax_error_is_called_that(database):
    with pytest.raises(ModelError, match="finds a syntax error in the model"):
        read(database, "select n numbers where")


@pytest.mark.parametrize(
    ("sql", "error", "message"),
    [
        ("select nope from numbers", ModelError, "names a column that the database does not have"),
        ("select n from nowhere", ModelUnavailableError, "reads a table that the database does not have"),
    ],
)
def test_what_the_database_does_not_have_is_said_with_the_connection_and_its_own_words(database, sql, error, message):
    with pytest.raises(error, match=f"Connection '{database}': the model {message}") as raised:
        read(database, sql)
    assert "The database says: " in str(raised.value)


def test_a_table_that_may_not_be_read_is_answered_with_the_right_that_is_missing(postgres, monkeypatch):
    postgres.execute("create table secrets (n int)")
    postgres.execute("drop role if exists heap_reader")
    postgres.execute("create role heap_reader login password 'x'")
    postgres.execute("do $$ begin execute format('grant usage on schema %I to heap_reader', current_schema()); end $$")
    try:
        connection = json.loads(os.environ["AIRFLOW_CONN_PG"]) | {"login": "heap_reader", "password": "x"}
        monkeypatch.setenv("AIRFLOW_CONN_READER", json.dumps(connection))
        with pytest.raises(ModelUnavailableError, match="permission denied for table") as raised:
            read("reader", "select n from secrets")
        assert "Grant it SELECT there. The database says: " in str(raised.value)
    finally:
        postgres.execute("drop owned by heap_reader")
        postgres.execute("drop role heap_reader")


def test_a_query_may_end_in_a_semicolon_and_a_comment(database):
    assert read(database, "select n from numbers where n = 1; -- the first\n")[1]


def test_no_columns_mean_a_statement_without_rows():
    """As the client of BigQuery says it."""

    class Cursor(AwkwardCursor):
        description = ()

    class Connection(AwkwardConnection):
        def cursor(self):
            return Cursor(self.hook)

    class Hook(AwkwardHook):
        def get_conn(self):
            return Connection(self)

    with (
        pytest.raises(ModelError, match="returns no rows"),
        SqlModel("select 1").open(ReadContext(Hook, None, 10)),
    ):
        pass


def test_an_error_of_the_database_stays_its_own(database):
    with pytest.raises(Exception, match="nowhere") as error:
        read(database, "select * from nowhere")
    assert not isinstance(error.value, ModelError)


def test_rows_of_a_dict_cursor_are_rows_all_the_same(postgres, monkeypatch):
    connection = json.loads(os.environ["AIRFLOW_CONN_PG"])
    connection["extra"]["cursor"] = "dictcursor"
    monkeypatch.setenv("AIRFLOW_CONN_PG", json.dumps(connection))
    columns, [chunk] = read("pg", "select 1 as a, 'x' as b")
    assert columns == ["a", "b"]
    assert [tuple(row) for row in chunk] == [(1, "x")]


def test_postgres_keeps_the_rows_until_they_are_asked_for(postgres):
    """A client-side cursor would hold all 30 MB before the first row."""
    source = ReadContext(BaseHook.get_connection("pg").get_hook, None, 10)
    with SqlModel("select repeat('x', 300000) from generate_series(1, 100)").open(source) as rows:
        next(iter(rows.chunks))
        cursors = postgres.execute("select count(*) from pg_stat_activity where query like 'FETCH FORWARD 10%'")
        assert cursors.fetchone() == (1,)


@pytest.fixture
def psycopg2(postgres, monkeypatch):
    """PostgreSQL through its older driver, which the hook takes when the newer one can't be had."""
    driver = pytest.importorskip("psycopg2")
    from airflow.providers.postgres.hooks import postgres as hooks

    monkeypatch.setattr(hooks, "USE_PSYCOPG3", False)
    return driver


def test_psycopg2_keeps_the_rows_until_they_are_asked_for(postgres, psycopg2):
    columns, chunks = read("pg", "select n, repeat('x', 300000) as x from generate_series(1, 30) n")
    assert columns == ["n", "x"]
    assert [len(chunk) for chunk in chunks] == [10, 10, 10]
    source = ReadContext(BaseHook.get_connection("pg").get_hook, None, 10)
    with SqlModel("select repeat('x', 300000) from generate_series(1, 100)").open(source) as rows:
        next(iter(rows.chunks))
        cursors = postgres.execute("select count(*) from pg_stat_activity where query like 'FETCH FORWARD 10%'")
        assert cursors.fetchone() == (1,)


def bytes_sent(mariadb):
    """Return how much the server has sent to its clients."""
    mariadb.execute("select variable_value from information_schema.global_status where variable_name = 'BYTES_SENT'")
    return int(mariadb.fetchone()[0])


@pytest.mark.parametrize("client", ["mysqlclient", "mysql-connector-python"])
def test_mariadb_keeps_the_rows_until_they_are_asked_for_and_a_reader_may_leave_at_once(mariadb, monkeypatch, client):
    """A buffered cursor would hold 200 MB before the first row; closing an unbuffered one would read them all."""
    connection = json.loads(os.environ["AIRFLOW_CONN_MARIA"])
    monkeypatch.setenv("AIRFLOW_CONN_MARIA", json.dumps({**connection, "extra": {"client": client}}))
    source = ReadContext(BaseHook.get_connection("maria").get_hook, None, 10)
    sent, before = bytes_sent(mariadb), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with SqlModel("select seq, repeat('x', 1000) from seq_1_to_200000").open(source) as rows:
        assert len(next(iter(rows.chunks))) == 10
    assert bytes_sent(mariadb) - sent < 100_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_mariadb_gives_all_rows_also_with_a_dict_cursor_as_its_default(mariadb, monkeypatch):
    connection = json.loads(os.environ["AIRFLOW_CONN_MARIA"])
    monkeypatch.setenv("AIRFLOW_CONN_MARIA", json.dumps({**connection, "extra": {"cursor": "dictcursor"}}))
    columns, chunks = read("maria", "select seq as A, 'x' as b from seq_1_to_25")
    assert columns == ["A", "b"]
    assert [tuple(row) for chunk in chunks for row in chunk] == [(n, "x") for n in range(1, 26)]


def test_the_hook_goes_on_to_log_the_statement_and_to_collect_its_lineage(warehouse, monkeypatch, capsys):
    collected = []
    monkeypatch.setattr(
        "airflow.providers.common.sql.hooks.sql.send_sql_hook_lineage", lambda **found: collected.append(found["sql"])
    )
    warehouse.table("numbers", [{"n": 1}])
    read("warehouse", "select n from numbers")
    read("warehouse", "select n as secret from numbers", log_sql=False)
    assert collected == ["select n from numbers", "select n as secret from numbers"]
    logged = capsys.readouterr()
    assert "select n from numbers" in logged.out + logged.err
    assert "secret" not in logged.out + logged.err


class AwkwardCursor:
    """As the cursors of Snowflake, BigQuery, Trino, Databricks and ODBC are: each has some of this."""

    def __init__(self, hook):
        self.hook = hook
        self.rows = iter(())
        self.columns = None
        self.closed = False

    @property
    def arraysize(self):
        """Not to be set."""
        return 1

    @arraysize.setter
    def arraysize(self, size):
        raise NotImplementedError

    @property
    def description(self):
        """Known after the first fetch only."""
        return self.columns

    def execute(self, sql, parameters=None):
        """Make rows, one at a time."""
        self.hook.statements.append((sql, parameters))
        self.rows = ({"ID": n, "Plan": "pro"} for n in range(25))

    def fetchmany(self, size):
        """Give fewer rows than asked for, as a page holds."""
        self.columns = [("ID", None), ("Plan", None)]
        page = list(itertools.islice(self.rows, min(size, 4)))
        self.hook.most_alive = max(self.hook.most_alive, len(page))
        return page

    def close(self):
        """Remember it."""
        self.closed = True


class AwkwardConnection:
    """Opened for each statement."""

    def __init__(self, hook):
        self.hook = hook
        self.cursors = []
        self.closed = False

    def cursor(self):
        """Give a cursor."""
        self.cursors.append(AwkwardCursor(self.hook))
        return self.cursors[-1]

    def close(self):
        """Remember it."""
        self.closed = True


class AwkwardHook(DbApiHook):
    """Refuses handlers that return rows, and to be asked for them all."""

    conn_name_attr = "awkward_conn_id"
    supports_autocommit = False

    def __init__(self):
        super().__init__()
        self.statements, self.connections, self.most_alive = [], [], 0

    def get_conn(self):
        """Open a connection."""
        self.connections.append(AwkwardConnection(self))
        return self.connections[-1]

    def run(self, *args, **kwargs):
        raise TypeError("a handler must return None here, and has a connection of its own for each statement")


def test_the_most_awkward_of_hooks_is_read_as_it_streams_and_closed():
    hook = AwkwardHook()
    with SqlModel("select 1").open(ReadContext(lambda: hook, {"a": 1}, 10)) as rows:
        chunks = list(rows.chunks)
    assert rows.columns == ["ID", "Plan"]
    assert [row for chunk in chunks for row in chunk] == [(n, "pro") for n in range(25)]
    assert (hook.most_alive, hook.statements) == (4, [("select 1", {"a": 1})])
    [connection] = hook.connections
    assert connection.closed
    assert [cursor.closed for cursor in connection.cursors] == [True]


def test_an_operator_may_bring_a_hook_of_its_own_and_upper_case_columns_are_found(heap_sandbox, run):
    class Operator(HeapUserSyncOperator):
        def get_db_hook(self):
            return AwkwardHook()

    operator = Operator(task_id="sync", model="select 1", identity="id", properties={"Plan": "PLAN"})
    assert run(operator)["sent"] == 25
    assert heap_sandbox.users["24"] == {"Plan": "pro"}


def test_a_hook_whose_connections_have_no_cursors_is_told_of():
    class Hook(AwkwardHook):
        def get_conn(self):
            return io.StringIO()

    with pytest.raises(ModelError, match=r"A StringIO has no cursors, .* Override get_db_hook"):
        SqlModel("select 1").open(ReadContext(Hook, None, 10)).__enter__()


@pytest.mark.parametrize("conn_type", ["postgres", "mysql"])
def test_a_database_that_cannot_be_reached_is_named_with_its_connection(monkeypatch, conn_type):
    connection = {"conn_type": conn_type, "host": "127.0.0.1", "port": 1, "login": "u", "password": "secret-word"}
    monkeypatch.setenv("AIRFLOW_CONN_AWAY", json.dumps(connection))
    with pytest.raises(ModelUnavailableError, match=r"sql_conn_id 'away': the database can't be reached") as caught:
        read("away", "select 1")
    assert not isinstance(caught.value, ModelError)  # so Airflow retries it
    assert "secret-word" not in str(caught.value)
