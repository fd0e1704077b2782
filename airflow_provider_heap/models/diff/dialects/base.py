"""What the databases have in common when they compare rows; base of their classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import md5
from typing import Any, ClassVar

from airflow_provider_heap.models.diff.dialects.tables import TableDialect

#: Values that a function is called with; PostgreSQL allows 100.
MAX_ARGUMENTS = 50
#: Between the parts of a key, as Heap's idempotency keys have it.
SEPARATOR = "\x1f"


@dataclass(frozen=True)
class DiffColumn:
    """
    A column of the model.

    :param name: the database's name of it.
    :param type: the database's name of its type; None where the driver does not say it.
    """

    name: str
    type: str | None = None


class DiffDialect(TableDialect):
    """Writes what differs, as PostgreSQL, DuckDB and Snowflake have it in common; base of the classes."""

    #: How messages call the database.
    label: ClassVar[str]
    #: What follows a query that joins.
    join_options: ClassVar[str] = ""
    #: Statements that have all that follow see the tables as they are at one moment; empty where there are none.
    snapshot: ClassVar[tuple[str, ...]] = ()
    #: Statements at the beginning of a transaction, and of one that writes: what is compared must not be rounded, and a
    #: worker that stands still must not keep its locks.
    begin: ClassVar[tuple[str, ...]] = ()
    begin_writing: ClassVar[tuple[str, ...]] = ()
    #: Statements that keep the next one from waiting for a lock of a worker that stands still.
    do_not_wait: ClassVar[tuple[str, ...]] = ()
    #: What holds of a row that the join finds no recorded hash for.
    absent: ClassVar[str] = "s.heap_key is null"
    #: Whether rows are grouped by a key about as fast as different keys are counted.
    groups_fast: ClassVar[bool] = True
    #: Rows that the hash of a row must tell apart too, as those of ``sent_statements``.
    self_test: ClassVar[tuple[str, ...]] = ()
    #: What a role needs, with a place for the schema's quoted name.
    grant: ClassVar[str] = "create table in schema {schema}"

    def prepare(self, connection: Any) -> None:
        """
        Prepare a connection.

        :param connection: the driver's.
        """

    def cursor(self, connection: Any) -> Any:
        """
        Open a cursor for statements that return few rows or none.

        :param connection: the driver's.
        """
        return connection.cursor()

    def commit(self, connection: Any) -> None:
        """
        Commit what was done.

        :param connection: the driver's.
        """
        connection.commit()

    def ordered(self, changes: str) -> str:
        """
        Return a query of changes, in the order in which parts of them are read, where that matters.

        :param changes: the query.
        """
        return changes

    def index(self, table: str) -> str | None:
        """
        Return the statement that makes reading a range of keys faster; None where an index does not help.

        :param table: quoted name of a table of changes.
        """
        return None

    def key_hash(self, salt: str, columns: Sequence[DiffColumn]) -> str:
        """
        Return the hash of a sync key; null when a part of the key is.

        :param salt: hexadecimal digits.
        :param columns: what the key is made of.
        """
        return self.md5(self.joined([self.literal(salt), *self.key_texts(columns)]))

    def census_key(self, salt: str, columns: Sequence[DiffColumn]) -> str:
        """
        Return what rows are counted by: equal where the hash of the sync key is, null when a part of the key is.

        :param salt: hexadecimal digits.
        :param columns: what the key is made of.
        """
        return self.key_hash(salt, columns)

    def key_texts(self, columns: Sequence[DiffColumn]) -> list[str]:
        """
        Return the texts that the hash of a sync key is made of, with separators.

        :param columns: what the key is made of.
        """
        return _between(map(self.key_text, columns), self.separator())

    def row_hash(self, salt: str, columns: Sequence[DiffColumn]) -> str:
        """
        Return the hash of a row.

        :param salt: hexadecimal digits.
        :param columns: what counts.
        """
        return self.md5(self.array([self.literal(salt), *map(self.value, columns)]))

    def literal(self, digits: str) -> str:
        """
        Return a text of the SQL that is made of letters and digits.

        :param digits: the text.
        """
        if not digits.isalnum() or not digits.isascii():
            raise ValueError("Only letters and digits are written into SQL.")
        return f"'{digits}'"

    def separator(self) -> str:
        """Return the character between the parts of a key."""
        return "chr(31)"

    def key_text(self, column: DiffColumn) -> str:
        """
        Return the text of a part of a key.

        :param column: its column.
        """
        return f"cast({self.quoted(column.name)} as varchar)"

    def stored(self, column: DiffColumn) -> str:
        """
        Return a column as a table of changes can hold it.

        :param column: the column; ``d`` is what it is selected from.
        """
        return f"d.{self.quoted(column.name)}"

    def value(self, column: DiffColumn) -> str:
        """
        Return a column as it counts in the hash of a row.

        :param column: the column.
        """
        return self.quoted(column.name)

    def joined(self, texts: Sequence[str]) -> str:
        """
        Return texts as one text; null when one of them is.

        :param texts: expressions.
        """
        return " || ".join(texts)

    def array(self, values: Sequence[str]) -> str:
        """
        Return a text that differs where any of the values does.

        :param values: expressions.
        """
        if len(values) > MAX_ARGUMENTS:
            parts = [values[start : start + MAX_ARGUMENTS] for start in range(0, len(values), MAX_ARGUMENTS)]
            return self.array([self.array(part) for part in parts])
        return f"cast(json_array({', '.join(values)}) as varchar)"

    def md5(self, text: str) -> str:
        """
        Return the MD5 of a text: 32 hexadecimal digits in lower case.

        :param text: an expression.
        """
        return f"md5({text})"


def key_hash(salt: str, texts: Sequence[str]) -> str:
    """
    Return the hash of a sync key, as every dialect has it.

    :param salt: hexadecimal digits.
    :param texts: the parts of the key.
    """
    return md5((salt + SEPARATOR.join(texts)).encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def _between(texts: Iterable[str], separator: str) -> list[str]:
    parts: list[str] = []
    for text in texts:
        parts += [separator, text] if parts else [text]
    return parts
