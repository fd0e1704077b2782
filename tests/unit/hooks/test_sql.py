"""SQL connections beside Heap's: rows come through their hooks, and state is kept with the hooks' own connections."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
import sqlalchemy as sa
from airflow.providers.common.sql.hooks.sql import DbApiHook

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.hooks import sql as module
from airflow_provider_heap.hooks.sql import sql_hook, state_store


@pytest.fixture
def connect(monkeypatch):
    """Make an Airflow connection."""

    def connection(name, **values):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(values))
        return name

    return connection


# The hook


def test_the_hook_of_a_sql_connection_is_its_own_with_its_parameters(warehouse):
    hook = sql_hook("warehouse", {"log_sql": False})
    assert isinstance(hook, DbApiHook)
    assert hook.get_conn_id() == "warehouse"
    assert hook.log_sql is False


def test_a_type_without_a_provider_is_refused_with_its_name(connect):
    connect("other", conn_type="abacus")
    with pytest.raises(ModelError, match=r"'other' of type 'abacus' gives no hook.*install the provider"):
        sql_hook("other")


def test_a_connection_that_runs_no_sql_is_refused_with_its_hook(heap_sandbox):
    with pytest.raises(ModelError, match=r"'heap_default' gives a HeapHook, not a DbApiHook.*override get_db_hook"):
        sql_hook("heap_default")


def test_a_connection_that_does_not_exist_stays_airflows_own_error():
    with pytest.raises(Exception, match="no_such_connection") as raised:
        sql_hook("no_such_connection")
    assert not isinstance(raised.value, ModelError)


# The state


def test_state_is_kept_in_the_database_of_the_connection(warehouse):
    state_store("warehouse", "kept").create_tables()
    with closing(sa.create_engine(f"sqlite:///{warehouse.path}").connect()) as connection:
        assert "kept" in sa.inspect(connection).get_table_names()


def test_a_connection_that_sqlalchemy_cannot_open_is_refused(connect, monkeypatch):
    connect("other", conn_type="sqlite", host="x.db")

    def fail(hook, *args):
        raise NotImplementedError("no engine")

    monkeypatch.setattr(DbApiHook, "get_sqlalchemy_engine", fail)
    message = r"'other' can't hold the state \(NotImplementedError: no engine\): state_conn_id takes"
    with pytest.raises(ModelError, match=message):
        state_store("other", "kept")


def test_a_connection_without_sql_cannot_hold_state(heap_sandbox):
    with pytest.raises(ModelError, match="not a DbApiHook"):
        state_store("heap_default", "kept")


class Connection:
    """What a driver's connection is to the engine: something of the driver's module."""

    def __init__(self):
        self.closed = False

    def close(self):
        self.closed = True


class Hook:
    """A hook with an engine of PostgreSQL, which says how its engines were asked for."""

    def __init__(self, connection):
        self.engine_options = []
        self.opened = []
        self.connection = connection

    def get_conn(self):
        if isinstance(self.connection, Exception):
            raise self.connection
        self.opened.append(self.connection())
        return self.opened[-1]

    def get_sqlalchemy_engine(self, options=None):
        self.engine_options.append(options)
        return sa.create_engine("postgresql+psycopg://127.0.0.1:9/nowhere")


@pytest.mark.skipif(sa.__version__ < "2", reason="SQLAlchemy 1.4 has no dialect for psycopg 3")
def test_state_uses_the_hooks_own_connections_where_both_have_the_same_driver():
    hook = Hook(type("Connection", (Connection,), {"__module__": "psycopg.connection"}))
    module._engine(hook)
    [plain, options] = hook.engine_options
    assert plain is None
    assert [connection.closed for connection in hook.opened] == [True]
    assert options["creator"]() is hook.opened[-1]


@pytest.mark.skipif(sa.__version__ < "2", reason="SQLAlchemy 1.4 has no dialect for psycopg 3")
def test_state_uses_sqlalchemys_connections_where_the_hook_has_another_driver():
    hook = Hook(Connection)
    module._engine(hook)
    assert hook.engine_options == [None]
    assert [connection.closed for connection in hook.opened] == [True]


@pytest.mark.skipif(sa.__version__ < "2", reason="SQLAlchemy 1.4 has no dialect for psycopg 3")
def test_a_database_that_cannot_be_reached_is_reported_by_whoever_uses_it():
    hook = Hook(ConnectionError("away"))
    assert module._engine(hook) is not None
    assert hook.engine_options == [None]


def test_the_settings_of_a_connection_hold_for_its_state(postgres):
    [schema] = postgres.execute("select current_schema()").fetchone()
    state_store("pg", "kept").create_tables()
    tables = postgres.execute("select tablename from pg_tables where schemaname = %s", [schema]).fetchall()
    assert ("kept",) in tables
