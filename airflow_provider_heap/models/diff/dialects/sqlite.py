"""SQLite, for which Python hashes."""

from __future__ import annotations

import marshal
from collections.abc import Sequence
from hashlib import md5
from typing import Any

from airflow_provider_heap.models.diff.dialects.base import MAX_ARGUMENTS, SEPARATOR, DiffColumn, DiffDialect


class SqliteDialect(DiffDialect):
    """SQLite: it has no hash, and its JSON rounds numbers, so Python hashes for it."""

    label = "SQLite"
    hash_type = "text"
    sent_key = ", primary key (heap_key, heap_row)"
    sent_options = " without rowid"
    insert = "insert or ignore into"
    snapshot = ("begin immediate",)
    grant = "write access to the database's file and its folder"

    def prepare(self, connection: Any) -> None:
        """Give a connection the functions. Parameters: see :class:`DiffDialect`."""
        connection.create_function("heap_key_hash", -1, _key_hash, deterministic=True)
        connection.create_function("heap_key_text", 1, _key_text, deterministic=True)
        connection.create_function("heap_row_hash", -1, _row_hash, deterministic=True)
        connection.execute("pragma busy_timeout = 60000")

    def index(self, table: str) -> str | None:
        """Return the statement that makes reading a range of keys faster. Parameters: see :class:`DiffDialect`."""
        schema, _, name = table.rpartition(".")
        return f"create index {schema}.{self.quoted(name.strip(self.quote) + '_keys')} on {name} (heap_key)"

    def key_hash(self, salt: str, columns: Sequence[DiffColumn]) -> str:
        """Return the hash of a sync key. Parameters: see :class:`DiffDialect`."""
        return f"heap_key_hash({', '.join([self.literal(salt), *map(self.value, columns)])})"

    def census_key(self, salt: str, columns: Sequence[DiffColumn]) -> str:
        """Return the bytes of the key, which SQLite counts without Python. Parameters: see :class:`DiffDialect`."""
        return f"cast({self.joined(self.key_texts(columns))} as blob)"

    def separator(self) -> str:
        """Return the character between the parts of a key."""
        return "char(31)"

    def key_text(self, column: DiffColumn) -> str:
        """Return the text of a part of a key, as ``_key_hash`` hashes it. Parameters: see :class:`DiffDialect`."""
        name = self.quoted(column.name)
        return (
            f"case typeof({name}) when 'blob' then hex({name}) when 'real' then heap_key_text({name}) else {name} end"
        )

    def row_hash(self, salt: str, columns: Sequence[DiffColumn]) -> str:
        """Return the hash of a row. Parameters: see :class:`DiffDialect`."""
        return self.array([self.literal(salt), *map(self.value, columns)])

    def value(self, column: DiffColumn) -> str:
        """Return a column in a form that Python takes, whatever bytes a text has. See :class:`DiffDialect`."""
        name = self.quoted(column.name)
        return f"case typeof({name}) when 'text' then cast({name} as blob) when 'blob' then hex({name}) else {name} end"

    def array(self, values: Sequence[str]) -> str:
        """Return a hash that differs where any of the values does. Parameters: see :class:`DiffDialect`."""
        if len(values) > MAX_ARGUMENTS:
            return super().array(values)
        return f"heap_row_hash({', '.join(values)})"


def _key_hash(salt: str, *values: Any) -> str | None:
    """Hash a key for SQLite, in which texts come as bytes; numbers without a fraction are one key with their text."""
    hasher = md5(salt.encode(), usedforsecurity=False)
    for place, value in enumerate(values):
        if value is None:
            return None
        if place:
            hasher.update(SEPARATOR.encode())
        hasher.update(value if value.__class__ is bytes else _key_text(value).encode())
    return hasher.hexdigest()


def _key_text(value: Any) -> str:
    if value.__class__ is float and value.is_integer():
        value = int(value)
    return str(value)


def _row_hash(*values: Any) -> str:
    return md5(marshal.dumps(values, 2), usedforsecurity=False).hexdigest()
