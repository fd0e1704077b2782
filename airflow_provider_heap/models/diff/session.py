"""One connection of a comparison: run statements, and say what is wrong when one fails."""

from __future__ import annotations

import re
from typing import Any

from airflow_provider_heap.exceptions import HeapError, ModelError, StateError
from airflow_provider_heap.models.base import ReadContext
from airflow_provider_heap.models.diff.dialects.base import DiffDialect
from airflow_provider_heap.models.drivers.base import Driver
from airflow_provider_heap.models.sql import query_problem

#: How databases say that a role may not, or that there is no such schema.
_DENIED_STATES = frozenset({"42501", "3F000"})
_DENIED = re.compile(
    r"permission|denied|privilege|read-?only|not authorized|unauthorized|unknown[ _]database|schema_not_found"
    r"|schema .*(not exist|not found)"
    r"|catalog .*(not exist|not found)|not found: (dataset|project)|\b(1044|1049|1142)\b",
    re.IGNORECASE | re.DOTALL,
)
#: Snowflake says the same of a table that another run has dropped.
_GONE = re.compile(r"(table|object) '[^']*' does not exist or not authorized", re.IGNORECASE)


class Session:
    """
    Run statements on one connection, and say what is wrong when one fails.

    :param driver: the connection.
    :param dialect: the database's.
    :param context: gives the SQL hook and the model's parameters.
    :param schema: where the tables are.
    """

    def __init__(self, driver: Driver, dialect: DiffDialect, context: ReadContext, schema: str) -> None:
        self._driver = driver
        self._dialect = dialect
        self._hook = context.get_db_hook()
        self._parameters = context.parameters
        self._schema = schema
        self._begin: tuple[str, ...] = ()
        self.conn_id = self._hook.get_conn_id()

    def prepare(self, *, writes: bool) -> None:
        """
        Prepare the connection, and begin a transaction.

        :param writes: whether tables are made or changed on it.
        """
        self._begin = (*self._dialect.begin, *(self._dialect.begin_writing if writes else ()))
        self._dialect.prepare(self._driver.connection)
        self._begin_transaction()

    def do_not_wait(self) -> None:
        """Let the next statement fail rather than wait for the locks of another connection."""
        for statement in self._dialect.do_not_wait:
            self._run(statement, "set a limit", returns=False)

    def begin_snapshot(self) -> None:
        """Let all statements until the next commit see the tables as they are at one moment, where that is possible."""
        for statement in self._dialect.snapshot:
            self._run(statement, "begin a transaction", returns=False)

    def commit(self) -> None:
        """
        Commit.

        :raises StateError: when it fails.
        """
        try:
            self._dialect.commit(self._driver.connection)
        except Exception as error:
            raise self._error(error, "commit", False) from error
        self._begin_transaction()

    def run(self, statement: str, action: str) -> None:
        """
        Run a statement that returns nothing.

        :param statement: the statement.
        :param action: what it does, for messages: an infinitive.
        :raises ModelError: when the role may not.
        :raises StateError: when it fails for another reason.
        """
        self._run(statement, action, returns=False)

    def rows(self, statement: str, action: str, certain: bool = False) -> list[Any]:
        """
        Return the rows of a statement.

        :param statement: the statement.
        :param action: what it does, for messages: an infinitive.
        :param certain: if it fails, it fails always.
        :raises ModelError: when the role may not.
        :raises StateError: when it fails for another reason.
        """
        return self._run(statement, action, returns=True, certain=certain)

    def run_model(self, statement: str) -> list[Any]:
        """
        Run a statement that holds the model, and return its rows.

        :param statement: the statement.
        :raises ModelError: when the database finds a syntax error, or does not have a column.
        :raises ModelUnavailableError: when a table is missing, or may not be read.
        """
        returns = statement.startswith("select")
        cursor = self._dialect.cursor(self._driver.connection)
        try:
            self._hook._run_command(cursor, statement, self._parameters)
            return list(map(tuple, cursor.fetchall())) if returns else []
        except Exception as error:
            note = " (diff_schema runs the model inside of another query: select ... from (model).)"
            if problem := query_problem(self._hook, error, self._driver.error_text(error), note):
                raise problem from error
            raise
        finally:
            cursor.close()

    def _begin_transaction(self) -> None:
        for statement in self._begin:
            self._run(statement, "begin a transaction", returns=False)

    def _run(self, statement: str, action: str, *, returns: bool, certain: bool = False) -> list[Any]:
        cursor = self._dialect.cursor(self._driver.connection)
        try:
            cursor.execute(statement)
            return list(map(tuple, cursor.fetchall())) if returns else []
        except HeapError:
            raise
        except Exception as error:
            raise self._error(error, action, certain) from error
        finally:
            cursor.close()

    def _error(self, error: Exception, action: str, certain: bool) -> HeapError:
        schema = self._schema
        text = f"{type(error).__name__}: {' '.join(self._driver.error_text(error).split())[:300]}"
        where = f"diff_schema={schema!r}: connection {self.conn_id!r} could not {action} ({text})"
        states = {getattr(error, name, None) for name in ("sqlstate", "pgcode")}
        if states & _DENIED_STATES or (_DENIED.search(text) and not _GONE.search(text)):
            names = self._dialect.table(schema, "x").rpartition(".")[0] or self._dialect.quoted(schema)
            return ModelError(
                f"{where}. The schema must be there, and the role must be allowed to create tables in it: "
                f"{self._dialect.grant.format(schema=names)}."
            )
        if certain:
            return ModelError(f"{where}. Leave diff_schema out, and the worker compares the rows.")
        return StateError(f"{where}. Rows that Heap took and that were not recorded are sent again by the next try.")
