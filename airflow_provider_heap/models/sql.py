"""A SQL query, run through any Airflow hook that is a ``DbApiHook``, its rows read as they come."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models.base import ReadContext, Rows
from airflow_provider_heap.models.column_types import types
from airflow_provider_heap.models.parameters import check_form, check_parameters, parameters_error
from airflow_provider_heap.models.statement import check_query

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook

__all__ = ["SqlModel"]

#: PostgreSQL's drivers fetch a whole result at once unless the cursor has a name, and lives in the server. Each fetch
#: goes there.
_NAMED = frozenset({"psycopg", "psycopg2"})
#: So do MySQL's, unless told otherwise.
_UNBUFFERED: dict[str, Callable[[Any], Any]] = {
    "MySQLdb": lambda connection: connection.cursor(import_module("MySQLdb.cursors").SSCursor),
    "pymysql": lambda connection: connection.cursor(import_module("pymysql.cursors").SSCursor),
    "mysql": lambda connection: connection.cursor(buffered=False),
}
#: Rows asked for at a time of a driver that streams by itself: few enough to stay in the processor's cache.
CACHED_ROWS = 1000
#: How databases call a syntax error: PostgreSQL by a code, others in their own words.
_SYNTAX_ERROR_CODE = "42601"
_SYNTAX_ERROR = re.compile(
    "syntax error|error in your SQL syntax|incomplete input|unrecognized token|PARSE_SYNTAX_ERROR|ParseException",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class SqlModel:
    """
    A query.

    :param sql: one statement that returns rows and changes nothing. (templated)
    """

    template_fields: ClassVar[tuple[str, ...]] = ("sql",)

    sql: str

    def without_rows(self) -> SqlModel:
        """
        Return a query of the same columns and types, but of no rows, which databases answer without running it.

        :raises ModelError: when the statement would write, or is not one query.
        """
        return SqlModel(f"select * from (\n{check_query(self.sql)}\n) heap_check where 1 = 0")

    @contextmanager
    def open(self, source: ReadContext) -> Iterator[Rows]:
        """
        Run the query; rows are fetched as they are asked for.

        :param source: gives the SQL hook, the parameters and the size of chunks.
        :raises ModelError: when the statement would write, returns no rows or has a syntax error, or its parameters
            don't fit.
        """
        check_parameters(source.parameters)
        hook = source.get_db_hook()
        sql = check_query(self.sql, getattr(hook, "conn_type", None))
        # As the hook's own run() begins: named cursors need a transaction, whatever the connection says.
        with hook._create_autocommit_connection(False) as connection, _cursor(connection) as cursor:
            with suppress(Exception):  # a few drivers let nobody set it, each in its own way
                cursor.arraysize = source.fetch_size
            size = source.fetch_size if _driver(connection) in _NAMED else min(source.fetch_size, CACHED_ROWS)
            _execute(hook, cursor, sql, source.parameters, _driver(connection))
            # Some drivers, psycopg2 among them, know the columns only after the first fetch.
            first = None if cursor.description is not None else _fetch_blindly(cursor, size)
            if not cursor.description:  # None, as PEP 249 has it, or empty
                raise ModelError("The model is a statement that returns no rows; write a SELECT.")
            columns = [column[0] for column in cursor.description]
            yield Rows(columns, _chunks(cursor, columns, size, first), types(_driver(connection), cursor))
            hook.get_db_log_messages(connection)


@contextmanager
def _cursor(connection: Any) -> Iterator[Any]:
    """Give a cursor that does not fetch the whole result at once."""
    if not hasattr(connection, "cursor"):
        raise ModelError(
            f"A {type(connection).__name__} has no cursors, as PEP 249 wants them, so no rows can be read from it. "
            "Override get_db_hook() of the operator to return a hook whose connections have."
        )
    driver = _driver(connection)
    if driver in _UNBUFFERED:
        # It ends with its connection: closing it would first read all the rows that are left.
        yield _UNBUFFERED[driver](connection)
        return
    name = {"name": f"heap_sync_{uuid4().hex}"} if driver in _NAMED else {}
    with closing(connection.cursor(**name)) as cursor:
        yield cursor


def _driver(connection: Any) -> str:
    return type(connection).__module__.partition(".")[0].lstrip("_")  # DuckDB's own is _duckdb


def _execute(hook: DbApiHook, cursor: Any, sql: str, parameters: Any, driver: str) -> None:
    style = getattr(sys.modules.get(driver), "paramstyle", None)
    check_form(driver, parameters, style)
    try:
        # Of all the ways to run a statement this one keeps the hook's logging, its lineage and its parameter style.
        hook._run_command(cursor, sql, parameters)
    except Exception as error:
        code = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
        if code == _SYNTAX_ERROR_CODE or _SYNTAX_ERROR.search(str(error)):
            raise ModelError(f"The database finds a syntax error in the model: {error}") from error
        if mismatch := parameters_error(error, driver, parameters, style):
            raise mismatch from error
        raise


def _fetch_blindly(cursor: Any, size: int) -> Sequence[Any]:
    try:
        return cursor.fetchmany(size)  # type: ignore[no-any-return]
    except Exception as error:
        # PEP 249 has drivers raise an Error of their own here when the statement gave no rows; most choose this one.
        if type(error).__name__ != "ProgrammingError":
            raise
        raise ModelError("The model is a statement that returns no rows; write a SELECT.") from error


def _chunks(
    cursor: Any, columns: Sequence[str], size: int, first: Sequence[Any] | None
) -> Iterator[Sequence[Sequence[Any]]]:
    rows = cursor.fetchmany(size) if first is None else first
    while rows:
        # A connection may ask for a dict cursor.
        if isinstance(rows[0], Mapping):
            rows = [tuple(map(row.__getitem__, columns)) for row in rows]
        yield rows
        rows = cursor.fetchmany(size)
