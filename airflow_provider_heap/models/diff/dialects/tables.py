"""What databases make of tables, names and rows when they compare rows; base of the classes of dialects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar
from uuid import uuid4

if TYPE_CHECKING:
    from airflow_provider_heap.models.diff.session import Session


class TableDialect:
    """Creates, changes and drops the tables of a comparison. Each run has one of its own."""

    #: Quote around names; doubled inside of them.
    quote: ClassVar[str] = '"'
    #: Types of a hash and of a number of seconds.
    hash_type: ClassVar[str] = "varchar(32)"
    integer_type: ClassVar[str] = "bigint"
    #: How a table is created.
    create: ClassVar[str] = "create table"
    #: What follows the columns of the table of hashes, inside and behind its parentheses.
    sent_key: ClassVar[str] = ""
    sent_options: ClassVar[str] = ""
    #: What follows the name of a table that is made from a query.
    changes_options: ClassVar[str] = ""
    #: How rows are added; where the table has a unique key, a row that is there is passed over.
    insert: ClassVar[str] = "insert into"
    #: Whether instances of a mapped task may write the same table of hashes at the same time.
    shares: ClassVar[bool] = True

    def __init__(self) -> None:
        #: In the names of all tables that are made for this run alone.
        self.token = uuid4().hex[:8]

    def quoted(self, name: str) -> str:
        """
        Return a name with the quotes of the database.

        :param name: any name.
        """
        return self.quote + name.replace(self.quote, self.quote * 2) + self.quote

    def table(self, schema: str, name: str) -> str:
        """
        Return the quoted name of a table.

        :param schema: its schema; with a dot, the database's name comes first.
        :param name: its own name.
        """
        return ".".join(map(self.quoted, (*schema.split("."), name)))

    def create_sent(self, table: str) -> str:
        """
        Return the statement that creates the table of what Heap took, unless it is there.

        :param table: its quoted name.
        """
        return (
            f"{self.create} if not exists {table} (heap_key {self.hash_type} not null, "
            f"heap_row {self.hash_type} not null, sent_at {self.integer_type} not null{self.sent_key})"
            f"{self.sent_options}"
        )

    def delete(self, session: Session, table: str, where: str) -> None:
        """
        Delete what is recorded.

        :param session: a connection.
        :param table: quoted name of the table of what Heap took.
        :param where: the condition.
        """
        session.run(f"delete from {table} where {where}", "delete rows")

    def delete_keys(self, session: Session, table: str, keys: str) -> None:
        """
        Delete what is recorded of keys.

        :param session: a connection.
        :param table: quoted name of the table of what Heap took.
        :param keys: a query of their hashes, none of them null.
        """
        self.delete(session, table, f"heap_key in ({keys})")

    def add(self, session: Session, table: str, rows: str) -> None:
        """
        Record keys.

        :param session: a connection.
        :param table: quoted name of the table of what Heap took.
        :param rows: a query, or ``values``, of hashes of key and row, and when it was sent.
        """
        session.run(f"{self.insert} {table} (heap_key, heap_row, sent_at) {rows}", "insert rows")

    def values(self, records: Sequence[str]) -> str:
        """
        Return rows that are written into the SQL.

        :param records: the values of each of them.
        """
        return f"values {', '.join(f'({record})' for record in records)}"

    def drop(self, session: Session, table: str) -> None:
        """
        Drop a table of changes, and what else its run left.

        :param session: a connection.
        :param table: its quoted name.
        """
        session.run(f"drop table if exists {table}", "drop a table")

    def drop_sent(self, session: Session, table: str) -> None:
        """
        Drop a table of what Heap took.

        :param session: a connection.
        :param table: its quoted name.
        """
        session.run(f"drop table if exists {table}", "drop a table")
