"""A SQL query, run through any Airflow hook that is a ``DbApiHook``, its rows read as they come."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models.base import Chunk, ReadContext, Rows
from airflow_provider_heap.models.drivers import connect
from airflow_provider_heap.models.drivers.base import ConvertColumn, Driver
from airflow_provider_heap.models.parameters import check_form, check_parameters, parameters_error
from airflow_provider_heap.models.statement import check_query

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook

__all__ = ["SqlModel"]

#: How databases call a syntax error: PostgreSQL and Snowflake by a code, others in their own words.
_SYNTAX_ERROR_CODES = frozenset({"42601", 1003})
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
        with connect(hook) as driver:
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
                columns, types = driver.columns(cursor), driver.types(cursor)
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
        codes = {getattr(error, name, None) for name in ("sqlstate", "pgcode", "errno")}
        if codes & _SYNTAX_ERROR_CODES or _SYNTAX_ERROR.search(str(error)):
            raise ModelError(f"The database finds a syntax error in the model: {error}") from error
        if mismatch := parameters_error(error, driver.name, parameters, driver.paramstyle):
            raise mismatch from error
        raise


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
