"""
The SQL of a comparison, of one dialect and one sync.

Two tables are named by the sync's state: the *sent* rows, hashes of what Heap took, and the *changes* of one run, the
model's rows that are new or differ. No value of a row is written into a statement: only names in quotes, hexadecimal
digits and numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_provider_heap.models.diff.dialects.base import DiffColumn
from airflow_provider_heap.models.diff.sent_statements import SentStatements, digits
from airflow_provider_heap.models.parameters import Escape, unescaped
from airflow_provider_heap.sync.state.parts import KeyRange


@dataclass(frozen=True)
class DiffStatements(SentStatements):
    """
    Write the statements of a run.

    :param changes: quoted name of the table of this run's changes.
    :param model: the query.
    :param columns: the columns that count, in the order in which they are read.
    :param key: the columns that the sync key is made of.
    :param salts: hexadecimal digits in the hash of each key, and of each row: another mapping makes other hashes.
    :param write_once: the key decides alone.
    :param escape: writes SQL that is run together with the model's parameters as the driver takes it.
    """

    changes: str
    model: str
    columns: tuple[DiffColumn, ...]
    key: tuple[DiffColumn, ...]
    salts: tuple[str, str]
    write_once: bool = False
    escape: Escape = unescaped

    def create_changes(self, compare: bool) -> str:
        """
        Create the table of changes: the one evaluation of the model that rows are sent from.

        :param compare: take only rows that are new or differ.
        """
        create = f"{self.dialect.create} {self.changes}{self.dialect.changes_options} as "
        return self.escape(create) + self.dialect.ordered(self.select_changes(compare))

    def select_changes(self, compare: bool, hashes: bool = True) -> str:
        """
        Return the rows that are new or differ, with their hashes behind their columns.

        :param compare: False returns all.
        :param hashes: False leaves the hashes out.
        """
        # Not every name can be that of a column of a table.
        names = [f"{self.dialect.stored(column)} as c{place}" for place, column in enumerate(self.columns)]
        names += ["d.heap_key as heap_key", "d.heap_row as heap_row"] if hashes else []
        select = f"select {', '.join(names)} from (\n{self._hashed()} from "
        if not compare:
            return self._around_model(select, " m\n) d")
        # A hash that is null, or a key that is recorded twice with different hashes, counts as changed.
        differs = "" if self.write_once else " or s.heap_row <> coalesce(d.heap_row, '')"
        return self._around_model(
            select,
            f" m\n) d left join {self.sent} s on s.heap_key = d.heap_key where {self.dialect.absent}{differs}"
            f"{self.dialect.join_options}",
        )

    def census(self, filled: Sequence[str], grouped: bool = True) -> str:
        """
        Count the model's rows, the keys that come more than once, and the values of columns.

        :param filled: names of the columns whose values are counted.
        :param grouped: False counts the rows whose key came before in place of the keys: 0 if and only if they are 0.
        """
        quoted = list(map(self.dialect.quoted, filled))
        counts = "".join(f", count(d.{name}) as f{place}" for place, name in enumerate(quoted))
        sums = "".join(f", coalesce(sum(x.f{place}), 0)" for place in range(len(quoted)))
        key = self.dialect.census_key(self.salts[0], self.key)
        inner = "".join(f", {name}" for name in quoted)
        keys = f"select {key} as heap_key{inner} from "
        if not grouped:
            again = "count(d.heap_key) - count(distinct d.heap_key)"
            return self._around_model(f"select count(*) as n, {again} as again{counts} from ({keys}", " m) d")
        return self._around_model(
            f"select coalesce(sum(x.n), 0), "
            f"coalesce(sum(case when x.n > 1 and x.heap_key is not null then 1 else 0 end), 0){sums} from ("
            f"select d.heap_key as heap_key, count(*) as n{counts} from ({keys}",
            " m) d group by d.heap_key) x",
        )

    @property
    def count_changes(self) -> str:
        """Count changes, those with a key, and different keys."""
        return f"select count(*), count(heap_key), count(distinct heap_key) from {self.changes}"

    @property
    def index_changes(self) -> str | None:
        """Create an index of the changes' keys, where that helps."""
        return self.dialect.index(self.changes)

    def read_changes(self, keys: KeyRange) -> str:
        """
        Return the changes of a part: their columns, and then the hash of the key.

        :param keys: the part.
        """
        names = "".join(f"c{place}, " for place in range(len(self.columns)))
        return f"select {names}heap_key from {self.changes}{_where(self._in(keys, with_null=True))}"

    @property
    def changed_keys(self) -> str:
        """Return the keys that are about to be sent."""
        return f"select heap_key from {self.changes} where heap_key is not null"

    @property
    def keys_found_twice(self) -> str:
        """Return the keys that the changes have more than once."""
        return f"{self.changed_keys} group by heap_key having count(*) > 1"

    def record(self, keys: KeyRange, refused: Sequence[str], sent_at: int) -> str:
        """
        Return the changes of a part, to be recorded as what Heap has now.

        :param keys: the part.
        :param refused: hashes of the keys in it that Heap did not take, 1000 at most.
        :param sent_at: when Heap took them, in seconds since 1970.
        """
        conditions = ["heap_key is not null", "heap_row is not null", *self._in(keys)]
        if refused:
            conditions.append(f"heap_key not in ({digits(refused)})")
        return f"select heap_key, heap_row, {sent_at:d} from {self.changes}{_where(conditions)}"

    def _hashed(self) -> str:
        """Select the columns that count and their hashes."""
        names = "".join(f"{self.dialect.quoted(column.name)}, " for column in self.columns)
        key = self.dialect.key_hash(self.salts[0], self.key)
        # In the order of their names: a model that returns them in another order has not changed.
        ordered = sorted(self.columns, key=lambda column: column.name)
        row = self.dialect.row_hash(self.salts[1], () if self.write_once else ordered)
        return f"select {names}{key} as heap_key, {row} as heap_row"

    def _around_model(self, before: str, after: str) -> str:
        """Return SQL around the model, in which nothing but what the model has itself is taken for a parameter."""
        return f"{self.escape(before)}(\n{self.model}\n){self.escape(after)}"

    def _in(self, keys: KeyRange, with_null: bool = False) -> list[str]:
        bounds = []
        if keys.after:
            bounds.append(f"heap_key > {self.dialect.literal(keys.after)}")
        if keys.until:
            bounds.append(f"heap_key <= {self.dialect.literal(keys.until)}")
        if with_null and keys.until and not keys.after:
            return [f"({bounds[0]} or heap_key is null)"]
        return bounds


def _where(conditions: Sequence[str]) -> str:
    return f" where {' and '.join(conditions)}" if conditions else ""
