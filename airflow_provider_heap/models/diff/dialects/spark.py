"""Spark: Databricks, whose tables can delete rows, and Spark's Thrift server, whose Parquet tables can't."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_heap.exceptions import StateError
from airflow_provider_heap.models.diff.dialects.base import DiffColumn, DiffDialect

if TYPE_CHECKING:
    from airflow_provider_heap.models.diff.session import Session

#: How values are written: nulls by name, and moments with all digits and their offset.
_JSON_OPTIONS = (
    "'ignoreNullFields', 'false', 'timestampFormat', 'yyyy-MM-dd HH:mm:ss.SSSSSSXXX', "
    "'timestampNTZFormat', 'yyyy-MM-dd HH:mm:ss.SSSSSS'"
)
#: Types of columns that hold nothing but null; no table can have one.
_VOID = frozenset({"null", "void"})
#: Tries of writing the table of hashes anew while others do.
REWRITES = 3


class DatabricksDialect(DiffDialect):
    """Databricks."""

    label = "Databricks"
    quote = "`"
    hash_type = "string"
    #: The time zone that moments are written in: the client hands over moments, whatever that of the session is.
    json_zone: ClassVar[str] = ", 'timeZone', 'UTC'"
    grant = "grant use schema, create table, select, modify on schema {schema} to <the user of the connection>"

    def key_text(self, column: DiffColumn) -> str:
        """Return the text of a part of a key; that of a number has no zeros at its end. See :class:`DiffDialect`."""
        name = self.quoted(column.name)
        text = f"cast({name} as string)"
        kind = (column.type or "").lower()
        if kind.startswith("decimal"):  # 1 and 1.0 are one key
            return f"case when locate('.', {text}) > 0 then rtrim('.', rtrim('0', {text})) else {text} end"
        if kind.startswith(("double", "float", "real")):
            is_whole = f"{name} = floor({name}) and abs({name}) < 1e15"
            return f"case when {is_whole} then cast(cast({name} as bigint) as string) else {text} end"
        return text

    def stored(self, column: DiffColumn) -> str:
        """Return a column as a table of changes can hold it. Parameters: see :class:`DiffDialect`."""
        stored = super().stored(column)
        return f"cast({stored} as string)" if (column.type or "").lower() in _VOID else stored

    def array(self, values: Sequence[str]) -> str:
        """Return a text that differs where any of the values does. Parameters: see :class:`DiffDialect`."""
        fields = ", ".join(f"'{place}', {value}" for place, value in enumerate(values))
        return f"to_json(named_struct({fields}), map({_JSON_OPTIONS}{self.json_zone}))"


class SparkDialect(DatabricksDialect):
    """
    Spark's Thrift server.

    Rows of a Parquet table can't be deleted. So the table of hashes is a view of another one. To delete rows, those
    that stay are written into a new table, and then the view is made anew, which either happens or does not. A run that
    dies in between has deleted nothing, and the next one drops what it wrote. What the view shows is looked up before
    and after: where another run was faster, or this one stood still meanwhile, the rows are written once more.
    """

    label = "Spark"
    changes_options = " using parquet"
    # PyHive hands over local times: in another zone of the session they make other items.
    json_zone = ""
    shares = False
    grant = "the right to create tables and views in schema {schema}"

    def __init__(self) -> None:
        super().__init__()
        self._numbers = count(1)

    def prepare(self, connection: Any) -> None:
        """Let days before 1900 be written as they are. Parameters: see :class:`DiffDialect`."""
        cursor = connection.cursor()
        for name in ("datetime", "int96"):
            cursor.execute(f"set spark.sql.parquet.{name}RebaseModeInWrite=CORRECTED")
        cursor.close()

    def create_sent(self, table: str) -> str:
        """Return the statement that creates a view of nothing, unless it is there. See :class:`DiffDialect`."""
        nothing = "cast('' as string) as heap_key, cast('' as string) as heap_row, cast(0 as bigint) as sent_at"
        return f"create view if not exists {table} as select {nothing} where false"

    def delete(self, session: Session, table: str, where: str) -> None:
        """Delete what is recorded. Parameters: see :class:`DiffDialect`."""
        self._rewrite(session, table, f"where {where}", f"where not ({where})")

    def delete_keys(self, session: Session, table: str, keys: str) -> None:
        """Delete what is recorded of keys. Parameters: see :class:`DiffDialect`."""
        # "not in" would have each row looked up among all keys.
        join = f"join ({keys}) k on k.heap_key = s.heap_key"
        self._rewrite(session, table, f"left semi {join}", f"left anti {join}")

    def add(self, session: Session, table: str, rows: str) -> None:
        """Record keys. Parameters: see :class:`DiffDialect`."""
        if not self._view(session, table).rows:
            self._replace(session, table, _View(), "where false")
        super().add(session, _beside(table, self._view(session, table).rows), rows)

    def drop(self, session: Session, table: str) -> None:
        """Drop a table of changes, and what its run wrote that no view shows. Parameters: see :class:`DiffDialect`."""
        super().drop(session, table)
        schema, name = _split(table)
        shown = self._view(session, _beside(table, name.rpartition("_")[0])).rows
        for row in session.rows(f"show tables in {schema} like '{name}_*'", "list tables"):
            if row[1] != shown:
                super().drop(session, _beside(table, row[1]))

    def drop_sent(self, session: Session, table: str) -> None:
        """Drop a table of what Heap took. Parameters: see :class:`DiffDialect`."""
        view = self._view(session, table)
        session.run(f"drop view if exists {table}", "drop a view")
        self._drop_tables(session, table, view)

    def _rewrite(self, session: Session, table: str, deleted: str, kept: str) -> None:
        """Write the rows that are kept into a new table, and show that one; unless nothing is to be deleted."""
        if not session.rows(f"select 1 from {table} s {deleted} limit 1", "look for rows to delete"):
            return
        for _ in range(REWRITES):
            if self._replace(session, table, self._view(session, table), kept):
                return
        raise StateError(f"Other runs write table {table} at the same time.")

    def _replace(self, session: Session, table: str, view: _View, kept: str) -> bool:
        """Write rows into a new table and show it; return False when the view is another one by then."""
        name = f"{_split(table)[1].removesuffix(f'_{self.token}')}_{self.token}_{next(self._numbers)}"
        rows = f"select s.heap_key, s.heap_row, s.sent_at from {table} s {kept}"
        session.run(f"create table {_beside(table, name)}{self.changes_options} as {rows}", "create a table")
        if self._view(session, table) != view:
            super().drop(session, _beside(table, name))
            return False
        session.run(
            f"create or replace view {table} tblproperties ('heap_rows' = '{name}', 'heap_before' = '{view.rows}') "
            f"as select heap_key, heap_row, sent_at from {_beside(table, name)}",
            "create a view",
        )
        self._drop_tables(session, table, view)
        return True

    def _drop_tables(self, session: Session, table: str, view: _View) -> None:
        """Drop the table that a view showed, and the one before, which a run that died may have left."""
        for name in filter(None, (view.rows, view.before)):
            super().drop(session, _beside(table, name))

    def _view(self, session: Session, table: str) -> _View:
        """Look up what a view shows."""
        values = {row[0]: row[1] for row in session.rows(f"show tblproperties {table}", "look at a view")}
        return _View(values.get("heap_rows", ""), values.get("heap_before", ""))


@dataclass(frozen=True)
class _View:
    """
    The tables of a view, by their names; empty where there is none.

    :param rows: the one that it shows.
    :param before: the one that it showed before.
    """

    rows: str = ""
    before: str = ""


def _beside(table: str, name: str) -> str:
    """Return the quoted name of another table in the schema of one."""
    return f"{_split(table)[0]}.`{name}`"


def _split(table: str) -> tuple[str, str]:
    """Return the quoted name of a table's schema, and the name of the table, which is of letters, digits and _."""
    schema, _, name = table.rpartition(".")
    return schema, name.strip("`")
