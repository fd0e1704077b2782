"""A SQL query, run through any Airflow hook that is a ``DbApiHook``, its rows read as they come."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_heap.exceptions import HeapError, ModelError, ModelUnavailableError
from airflow_provider_heap.models.base import Chunk, ReadContext, Rows
from airflow_provider_heap.models.drivers import connect
from airflow_provider_heap.models.drivers.base import ConvertColumn, Driver
from airflow_provider_heap.models.parameters import check_form, check_parameters, parameters_error
from airflow_provider_heap.models.statement import check_query

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook

__all__ = ["SqlModel"]


@dataclass(frozen=True)
class _Problem:
    """
    A problem of a query that databases name each in their own words.

    :param codes: SQLSTATEs, and error numbers of MySQL and Snowflake.
    :param words: what the messages of other databases have in them.
    :param message: what is wrong, and what to do.
    :param may_pass: whether the same query may work later.
    """

    codes: frozenset[str | int]
    words: str
    message: str
    may_pass: bool = False

    def is_of(self, error: Exception, text: str) -> bool:
        """
        Return whether an error is of this problem.

        :param error: the driver's.
        :param text: its text.
        """
        # Clients of MySQL give its number as the first argument, ODBC the SQLSTATE, and Redshift a dict that has it.
        codes = {getattr(error, name, None) for name in ("sqlstate", "pgcode", "errno")}
        for argument in error.args[:1]:
            code = argument.get("C") if isinstance(argument, dict) else argument
            codes |= {code} if isinstance(code, int | str) else set()
        return bool(codes & self.codes) or re.search(self.words, text, re.IGNORECASE) is not None


_PROBLEMS = (
    _Problem(
        frozenset({"42601", 1003, 1064}),
        "syntax error|error in your SQL syntax|incomplete input|unrecognized token|PARSE_SYNTAX_ERROR|ParseException",
        "the database finds a syntax error in the model. Correct the query",
    ),
    _Problem(
        frozenset({"42703", "42S22", 904, 1054}),
        "no such column|Unrecognized name:|UNRESOLVED_COLUMN|UNKNOWN_IDENTIFIER|Referenced (column|table) .* not found|"
        "does not have a column named",
        "the model names a column that the database does not have. Correct the query",
    ),
    _Problem(
        frozenset({"42P01", "42S02", 1146}),
        "no such table|TABLE_OR_VIEW_NOT_FOUND|UNKNOWN_TABLE|Not found: Table|Table with name .* does not exist",
        "the model reads a table that the database does not have. Look at its name and its schema, or run first what "
        "makes it",
        may_pass=True,
    ),
    _Problem(
        frozenset({"42501", 1142}),
        "insufficient privileges|SELECT command denied",
        "the connection's user may not read what the model names. Grant it SELECT there",
        may_pass=True,
    ),
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
        :raises ModelError: when the statement would write, returns no rows, has a syntax error or names a column that
            there is not, or its parameters don't fit.
        :raises ModelUnavailableError: when a table is missing, or may not be read.
        """
        check_parameters(source.parameters)
        sql = check_query(self.sql, getattr(source.get_db_hook(), "conn_type", None))
        with open_query(sql, source) as rows:
            yield rows


@contextmanager
def open_query(
    sql: str,
    source: ReadContext,
    types: Sequence[str | None] | None = None,
    prepare: Callable[[Driver], None] | None = None,
) -> Iterator[Rows]:
    """
    Run a query that is known to be one; rows are fetched as they are asked for.

    :param sql: the query.
    :param source: gives the SQL hook, the parameters and the size of chunks.
    :param types: the database's names for the types of the columns; None asks the driver.
    :param prepare: called with the connection before.
    :raises ModelError: when the statement returns no rows or has a syntax error, or its parameters don't fit.
    """
    hook = source.get_db_hook()
    with connect(hook) as driver:
        if prepare is not None:
            prepare(driver)
        driver.prepare(sql, source.parameters)
        with driver.cursor() as cursor:
            with suppress(Exception):  # a few drivers let nobody set it, each in its own way
                cursor.arraysize = source.fetch_size
            size = driver.fetch_size(source.fetch_size)
            _execute(hook, driver, cursor, sql, source.parameters)
            # Some drivers, psycopg2 among them, know the columns only after the first fetch.
            first = None if cursor.description is not None else driver.fetch_blindly(cursor, size)
            if not cursor.description:  # None, as PEP 249 has it, or empty
                raise ModelError("The model is a statement that returns no rows; write a SELECT.")
            columns = driver.columns(cursor)
            types = driver.types(cursor) if types is None else types
            chunks = _chunks(driver, cursor, size, first)
            if converters := driver.converters(cursor, types):
                chunks = _converted(chunks, converters)
            yield Rows(columns, chunks, types)
            hook.get_db_log_messages(driver.connection)


def _execute(hook: DbApiHook, driver: Driver, cursor: Any, sql: str, parameters: Any) -> None:
    check_form(driver.name, parameters, driver.paramstyle)
    try:
        # Of all the ways to run a statement this one keeps the hook's logging, its lineage and its parameter style.
        hook._run_command(cursor, sql, parameters)
    except Exception as error:
        if problem := query_problem(hook, error, driver.error_text(error)):
            raise problem from error
        if mismatch := parameters_error(error, driver.name, parameters, driver.paramstyle):
            raise mismatch from error
        if (text := driver.error_text(error)) != str(error):
            raise type(error)(text) from None
        raise


def query_problem(hook: DbApiHook, error: Exception, text: str, note: str = "") -> HeapError | None:
    """
    Return what to raise for an error of a query whose cause is known; None for others.

    :param hook: that the query was run with.
    :param error: the driver's.
    :param text: what the database says.
    :param note: what the message ends with.
    """
    for problem in _PROBLEMS:
        if problem.is_of(error, text):
            kind = ModelUnavailableError if problem.may_pass else ModelError
            name = hook.get_conn_id()
            return kind(f"Connection {name!r}: {problem.message}. The database says: {text.strip()}{note}")
    return None


def _chunks(driver: Driver, cursor: Any, size: int, first: Chunk | None) -> Iterator[Chunk]:
    names = [column[0] for column in cursor.description]
    rows = driver.fetch(cursor, size) if first is None else first
    while rows:
        # A connection may ask for a dict cursor.
        if isinstance(rows[0], Mapping):
            rows = [tuple(map(row.__getitem__, names)) for row in rows]
        yield rows
        rows = driver.fetch(cursor, size)


def _converted(chunks: Iterator[Chunk], converters: Mapping[int, ConvertColumn]) -> Iterator[Chunk]:
    for rows in chunks:
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for place, convert in converters.items():
            columns[place] = convert(columns[place])
        yield list(zip(*columns, strict=True))
