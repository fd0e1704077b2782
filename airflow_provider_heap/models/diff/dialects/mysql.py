"""MySQL and MariaDB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_provider_heap.models.diff.dialects.base import DiffColumn, DiffDialect

if TYPE_CHECKING:
    from airflow_provider_heap.models.diff.session import Session


#: MySQL's way to say that there is no limit.
MAX_ROWS = 2**64 - 1


class MySqlDialect(DiffDialect):
    """MySQL and MariaDB."""

    label = "MySQL/MariaDB"
    quote = "`"
    hash_type = "char(32) character set ascii collate ascii_bin"
    # Without an index each row would look through the whole table: older versions have no hash joins.
    sent_key = ", primary key (heap_key, heap_row)"
    insert = "insert ignore into"
    # Groups that do not fit into a small table in memory are looked up on disk, one by one.
    groups_fast = False
    # MySQL has no such setting, and takes it for a comment.
    begin_writing = ("set /*M!100300 session idle_transaction_timeout = 60, */ @heap = 1",)
    do_not_wait = ("set session lock_wait_timeout = 5",)
    grant = "grant create, drop, index, select, insert, delete on {schema}.* to <the user of the connection>"

    def ordered(self, changes: str) -> str:
        """Return a query of changes, in the order of their keys. Parameters: see :class:`DiffDialect`."""
        # Rows are stored in the order in which they are inserted, so a part is read from one place. Without the limit
        # the order would move into the query, and all rows would be sorted before they are joined.
        return f"select * from ({changes} limit {MAX_ROWS}) ordered order by heap_key"

    def index(self, table: str) -> str | None:
        """Return the statement that makes reading a range of keys faster. Parameters: see :class:`DiffDialect`."""
        return f"create index heap_keys on {table} (heap_key)"

    def delete_keys(self, session: Session, table: str, keys: str) -> None:
        """Delete what is recorded of keys. Parameters: see :class:`.TableDialect`."""
        # MariaDB before 11.1 runs the query behind IN anew for each row of the table.
        session.run(f"delete s from {table} s join ({keys}) c on c.heap_key = s.heap_key", "delete rows")

    def separator(self) -> str:
        """Return the character between the parts of a key."""
        return "char(31 using utf8mb4)"

    def key_text(self, column: DiffColumn) -> str:
        """Return the text of a part of a key: whatever the connection's character set is. See :class:`DiffDialect`."""
        return f"convert({self.quoted(column.name)} using utf8mb4)"

    def row_hash(self, salt: str, columns: Sequence[DiffColumn]) -> str:
        """Return the hash of a row. Parameters: see :class:`DiffDialect`."""
        text = self.array([self.literal(salt), *map(self.value, columns)])
        repeated = [
            _if_repeated(self.quoted(column.name), f"' {place}'")
            for place, column in enumerate(columns)
            if column.type == "datetime"
        ]
        return self.md5(self.joined([text, *repeated]) if repeated else text)

    def joined(self, texts: Sequence[str]) -> str:
        """Return texts as one text; null when one of them is. Parameters: see :class:`DiffDialect`."""
        return f"concat({', '.join(texts)})"

    def array(self, values: Sequence[str]) -> str:
        """Return a text that differs where any of the values does. Parameters: see :class:`DiffDialect`."""
        return f"json_array({', '.join(values)})"

    def md5(self, text: str) -> str:
        """Return the MD5 of a text. Parameters: see :class:`DiffDialect`."""
        # Digits of another character set would not be compared through the index.
        return f"convert(md5({text}) using ascii) collate ascii_bin"


def _if_repeated(name: str, mark: str) -> str:
    """
    Return a mark where a TIMESTAMP is in the hour that comes twice when summer time ends, and in one of the two.

    Both are written as the same text. The types that drivers report are those of DATETIME too, which is never marked.
    """
    return f"if(unix_timestamp({name}) <> unix_timestamp(concat({name})), {mark}, '')"
