"""A SQL query, run through any Airflow hook that is a ``DbApiHook``, its rows read as they come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import uuid4

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models import Rows, Source

#: PostgreSQL's drivers fetch a whole result at once unless the cursor has a name, and lives in the server.
_SERVER_SIDE = frozenset({"psycopg", "psycopg2"})
#: PostgreSQL's code of a syntax error: what can't be declared as a cursor returns no rows.
_SYNTAX_ERROR = "42601"


@dataclass(frozen=True)
class SqlModel:
    """
    A query.

    :param sql: one statement that returns rows. (templated)
    """

    template_fields: ClassVar[tuple[str, ...]] = ("sql",)

    sql: str

    @contextmanager
    def open(self, source: Source) -> Iterator[Rows]:
        """
        Run the query; rows are fetched as they are asked for.

        :param source: gives the SQL hook, the parameters and the size of chunks.
        :raises ModelError: when the statement returns no rows.
        """
        hook = source.get_db_hook()
        sql = self.sql.strip().rstrip(";").rstrip()
        if not sql:
            raise ModelError("The model is an empty SQL statement.")
        with closing(hook.get_conn()) as connection, closing(_cursor(connection)) as cursor:
            cursor.arraysize = source.fetch_size
            _execute(hook, cursor, sql, source.parameters)
            # Some drivers, psycopg2 among them, know the columns only after the first fetch.
            first = None if cursor.description is not None else _fetch_blindly(cursor, source.fetch_size)
            if cursor.description is None:
                raise ModelError("The model is a statement that returns no rows; write a SELECT.")
            columns = [column[0] for column in cursor.description]
            yield Rows(columns, _chunks(cursor, columns, source.fetch_size, first))


def _cursor(connection: Any) -> Any:
    if type(connection).__module__.partition(".")[0] in _SERVER_SIDE:
        return connection.cursor(name=f"heap_sync_{uuid4().hex}")
    return connection.cursor()


def _execute(hook: Any, cursor: Any, sql: str, parameters: Any) -> None:
    try:
        # Of all the ways to run a statement this one keeps the hook's logging, its lineage and its parameter style.
        hook._run_command(cursor, sql, parameters)
    except Exception as error:
        if (getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)) == _SYNTAX_ERROR:
            raise ModelError(f"The model is not a statement that returns rows: {error}") from error
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
