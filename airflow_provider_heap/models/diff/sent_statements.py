"""The SQL of the table of hashes: what Heap took."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from airflow_provider_heap.models.diff.dialects.base import DiffColumn, DiffDialect, key_hash

#: Rows that the hash of a row must tell apart, as SQL.
SELF_TEST = ("null, ''", "'', null", "'a', 'b'", "'ab', ''", "'', 'ab'", "null, null", "'A', 'b'", "'a ', 'b'")
_DIGITS = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class SentStatements:
    """
    Write the statements that concern what is recorded.

    :param dialect: the database's.
    :param sent: quoted name of the table of what Heap took.
    """

    dialect: DiffDialect
    sent: str

    @property
    def self_test(self) -> str:
        """Return the hashes of rows that differ, and that of a key: see :attr:`key_of_test`."""
        row_hash = self.dialect.row_hash("0", [DiffColumn("a"), DiffColumn("b")])
        a, b = self.dialect.quoted("a"), self.dialect.quoted("b")
        rows = (row.split(", ") for row in (*SELF_TEST, *self.dialect.self_test))
        hashes = [f"select {row_hash} as h from (select {x} as {a}, {y} as {b}) m" for x, y in rows]
        key = self.dialect.key_hash("0", [DiffColumn("a"), DiffColumn("b")])
        return " union all ".join([*hashes, f"select {key} as h from (select 'a' as {a}, 'b' as {b}) m"])

    @property
    def key_of_test(self) -> str:
        """The hash of a key that :attr:`self_test` must return too: that of Python."""
        return key_hash("0", ["a", "b"])

    @property
    def create_sent(self) -> str:
        """Create the table of what Heap took, unless it is there."""
        return self.dialect.create_sent(self.sent)

    @property
    def any_sent(self) -> str:
        """Return a row when anything is recorded."""
        return f"select 1 from {self.sent} limit 1"

    @property
    def count_sent(self) -> str:
        """Count the keys that are recorded."""
        return f"select count(distinct heap_key) from {self.sent}"

    @property
    def select_sent(self) -> str:
        """Return all that is recorded."""
        return f"select heap_key, heap_row, sent_at from {self.sent}"

    def sent_at(self, key: str) -> str:
        """
        Return when a key was sent.

        :param key: its hash.
        """
        return f"select max(nullif(sent_at, -1)) from {self.sent} where heap_key = {digits([key])}"

    def rows(self, records: Sequence[tuple[str, str, int]]) -> str:
        """
        Return rows of keys that are to be recorded.

        :param records: hashes of key and row, and when it was sent; 1000 at most.
        """
        return self.dialect.values([f"{digits([key])}, {digits([row])}, {seconds:d}" for key, row, seconds in records])

    def of_keys(self, key_hashes: Sequence[str]) -> str:
        """
        Return the condition of what is recorded of keys.

        :param key_hashes: their hashes, 1000 at most.
        """
        return f"heap_key in ({digits(key_hashes)})"

    @property
    def of_all(self) -> str:
        """Return the condition of all that is recorded."""
        return "sent_at is not null"

    def before(self, seconds: int) -> str:
        """
        Return the condition of what was sent before a time.

        :param seconds: since 1970.
        """
        return f"sent_at < {seconds:d}"


def digits(key_hashes: Sequence[str]) -> str:
    """
    Return hashes as SQL.

    :param key_hashes: the hashes.
    """
    if not all(map(_DIGITS.fullmatch, key_hashes)):
        raise ValueError("A hash of a key is 32 hexadecimal digits.")
    return ", ".join(f"'{key_hash}'" for key_hash in key_hashes)
