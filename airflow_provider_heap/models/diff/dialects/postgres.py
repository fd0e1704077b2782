"""PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_provider_heap.models.diff.dialects.base import MAX_ARGUMENTS, DiffColumn, DiffDialect


class PostgresDialect(DiffDialect):
    """PostgreSQL."""

    label = "PostgreSQL"
    hash_type = 'varchar(32) collate "C"'  # no language decides how digits are compared
    snapshot = ("set transaction isolation level repeatable read",)
    # Of the transaction, not of the session: a pooler may give that to somebody else.
    begin = ("set local extra_float_digits = 3",)
    begin_writing = ("set local idle_in_transaction_session_timeout = '60s'",)
    do_not_wait = ("set local lock_timeout = '5s'",)
    grant = "grant usage, create on schema {schema} to <the role of the connection>"

    def cursor(self, connection: Any) -> Any:
        """Open a cursor that writes parameters into the text: no table is made with any. See :class:`DiffDialect`."""
        if type(connection).__module__.partition(".")[0] == "psycopg":
            from psycopg import ClientCursor
            from psycopg.rows import tuple_row

            return ClientCursor(connection, row_factory=tuple_row)
        from psycopg2.extensions import cursor

        return connection.cursor(cursor_factory=cursor)

    def index(self, table: str) -> str | None:
        """Return the statement that makes reading a range of keys faster. Parameters: see :class:`DiffDialect`."""
        return f"create index on {table} (heap_key)"

    def key_text(self, column: DiffColumn) -> str:
        """Return the text of a part of a key; that of a number has no zeros at its end. See :class:`DiffDialect`."""
        text = f"cast({self.quoted(column.name)} as text)"
        if (column.type or "").startswith(("numeric", "decimal")):  # 1 and 1.0 are one key
            text = f"case when position('.' in {text}) > 0 then rtrim(rtrim({text}, '0'), '.') else {text} end"
        return f'{text} collate "C"'

    def array(self, values: Sequence[str]) -> str:
        """Return a text that differs where any of the values does. Parameters: see :class:`DiffDialect`."""
        if len(values) > MAX_ARGUMENTS:
            return super().array(values)
        return f"cast(json_build_array({', '.join(values)}) as text)"
