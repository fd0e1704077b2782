"""The SQL connections beside Heap's: where rows come from, and where state is kept."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.hooks.connections import find_connection
from airflow_provider_heap.sync.state.dialects import dialect_class
from airflow_provider_heap.sync.state.store import Store

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook
    from sqlalchemy.engine import Engine

#: Databases that can't hold the state, by the type of their connection.
_WITHOUT_TRANSACTIONS = {"gcpbigquery": "BigQuery", "hiveserver2": "Hive or Spark", "clickhouse": "ClickHouse"}


def sql_hook(conn_id: str, hook_params: dict[str, Any] | None = None, parameter: str = "sql_conn_id") -> DbApiHook:
    """
    Return the hook of a SQL connection.

    :param conn_id: the connection's ID.
    :param hook_params: passed to the hook's constructor.
    :param parameter: what named the connection, for messages.
    :raises ModelError: when its hook can't run SQL, or there is none.
    """
    # Imported here, because it loads sqlparse, which a DAG file that is parsed does not need.
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    connection = find_connection(conn_id, parameter)
    try:
        hook: object = connection.get_hook(hook_params=hook_params)  # type: ignore[no-untyped-call]
    except AirflowException as error:
        raise ModelError(
            f"Connection {conn_id!r} of type {connection.conn_type!r} gives no hook ({error}): install the provider of "
            "that type, or name another connection."
        ) from error
    if not isinstance(hook, DbApiHook):
        raise ModelError(
            f"Connection {conn_id!r} gives a {type(hook).__name__}, not a DbApiHook, so it can't run SQL. Name a SQL "
            "connection, or override get_db_hook() of the operator to return the right hook."
        )
    return hook


def state_store(conn_id: str, table: str, parameter: str = "state_conn_id") -> Store:
    """
    Return the state's tables in the database of a SQL connection. May block: it opens a connection.

    :param conn_id: the connection's ID.
    :param table: name of the table of keys, may be ``schema.table``.
    :param parameter: what named the connection, for messages.
    :raises ModelError: when the connection can't hold a table.
    """
    try:
        hook = sql_hook(conn_id, parameter=parameter)
        if warehouse := _WITHOUT_TRANSACTIONS.get(hook.conn_type):
            raise ModelError(
                f"Connection {conn_id!r} to {warehouse} can't hold the state, which changes row by row in "
                "transactions. Name a connection to PostgreSQL, MySQL, MariaDB or SQLite as state_conn_id; the rows "
                f"may come from {warehouse} all the same."
            )
        engine = _engine(hook)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"Connection {conn_id!r} can't hold the state ({type(error).__name__}: {error}): state_conn_id takes a "
            "connection that SQLAlchemy can open."
        ) from error
    return Store(engine, table, conn_id)


def _engine(hook: DbApiHook) -> Engine:
    """Return an engine whose connections are the hook's own, with all of its settings, where the two fit."""
    engine: Engine = hook.get_sqlalchemy_engine()
    connect_args = dialect_class(engine).connect_args
    if connect_args is not None:
        own: Engine = hook.get_sqlalchemy_engine({"connect_args": dict(connect_args)})
        return own
    lock = threading.Lock()

    def connect() -> Any:
        with lock:  # hooks keep the connection that they opened last
            return hook.get_conn()

    try:
        connection = connect()
    except Exception:
        return engine  # whoever uses it reports that the database can't be reached
    driver = type(connection).__module__.partition(".")[0]
    connection.close()
    if driver != getattr(engine.dialect.dbapi, "__name__", "").partition(".")[0]:
        return engine
    engine.dispose()
    hook_engine: Engine = hook.get_sqlalchemy_engine({"creator": connect})
    return hook_engine
