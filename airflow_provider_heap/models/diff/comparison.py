"""Run the statements of a comparison on the connection that the model reads from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from airflow_provider_heap.exceptions import HeapError, ModelUnavailableError, StateError
from airflow_provider_heap.models.base import Model, ReadContext, Rows
from airflow_provider_heap.models.diff.dialects.base import key_hash
from airflow_provider_heap.models.diff.sent_table import MAX_KEYS, SentTable
from airflow_provider_heap.models.diff.session import Session
from airflow_provider_heap.models.diff.statements import DiffStatements
from airflow_provider_heap.models.sql import open_query
from airflow_provider_heap.sync.items import MappedChunk
from airflow_provider_heap.sync.mapping.mapped_chunks import map_chunks
from airflow_provider_heap.sync.mapping.mapper import RowMapper
from airflow_provider_heap.sync.state.comparison import ChangedRows, Counts
from airflow_provider_heap.sync.state.parts import PART_ROWS, KeyRange


@dataclass(frozen=True)
class WarehouseComparison(SentTable):
    """
    The comparison of one run. Safe to use from several threads: each call opens its own connection.

    :param changes: name of the table of this run's changes; no other run has it.
    :param mapper: makes items of changes.
    :param watched: the column of each property that a guard watches.
    :param null_reason: code that a row without a key counts under.
    :param wrap: puts a model around the one that a run reads which changes nothing.
    """

    statements: DiffStatements
    changes: str
    mapper: RowMapper
    watched: Mapping[str, str]
    null_reason: str
    wrap: Callable[[Model], Model] = lambda model: model

    @property
    def sent_table(self) -> str:
        """Connection, schema and name of the table of what Heap took."""
        return self._place(self.sent)

    @property
    def changes_table(self) -> str:
        """Connection, schema and name of the table of changes."""
        return self._place(self.changes)

    @property
    def shares(self) -> bool:
        """Whether instances of a mapped task may write the same table of hashes at the same time."""
        return self._dialect.shares

    def check(self) -> None:
        """
        Have the database prove that it can compare, and the role that it may create a table; it is dropped at once.

        :raises ModelError: when one of them can't.
        :raises StateError: when the database fails.
        """
        scratch = replace(self.statements, sent=self.statements.changes)
        with self._connect() as session:
            self._test(session)
            session.run(scratch.create_sent, "create a table")
            session.commit()
            self._dialect.add(session, scratch.sent, scratch.rows([("0" * 32, "0" * 32, 0)]))
            self._dialect.delete(session, scratch.sent, scratch.of_all)
            self._dialect.drop_sent(session, scratch.sent)
            session.commit()

    def make_changes(self, *, compare: bool) -> Counts:
        """Create the table of changes, and count. Parameters: see :class:`.Comparison`."""
        statements = self.statements
        with self._connect() as session:
            for again in (True, False):
                session.begin_snapshot()
                session.run_model(statements.create_changes(compare))
                counts = self._census(session)
                session.commit()
                changes, with_key, keys = map(int, session.rows(statements.count_changes, "count changes")[0])
                session.commit()
                if with_key == keys or not compare or counts.duplicates:
                    break
                if again:  # a late statement of a dead run recorded them twice
                    self._dialect.delete_keys(session, statements.sent, statements.keys_found_twice)
                    self._dialect.drop(session, self.statements.changes)
                    session.commit()
            if changes > PART_ROWS and (index := statements.index_changes):
                session.run(index, "create an index")
                session.commit()
        return replace(
            counts,
            # The source may have grown between two statements.
            rows=max(counts.rows, changes),
            duplicates=counts.duplicates or with_key - keys,
            changes=changes,
            without_key=changes - with_key,
        )

    def count(self) -> Counts:
        """Count the model's rows, without creating anything."""
        with self._connect() as session:
            return self._census(session)

    @contextmanager
    def read(self, keys: KeyRange, first: int) -> Iterator[ChangedRows]:
        """Read changes. Parameters: see :class:`.Comparison`."""
        context = replace(self.context, parameters=None)
        types = [*(column.type for column in self.statements.columns), self._dialect.hash_type]
        try:
            with open_query(self.statements.read_changes(keys), context, types, self.prepare_driver) as rows:
                yield self._mapped(rows, first)
        except Exception as error:
            # A table that is missing here is not one of the model's.
            if isinstance(error, HeapError) and not isinstance(error, ModelUnavailableError):
                raise
            raise StateError(
                f"The changes in {self.changes_table} can't be read ({type(error).__name__}: "
                f"{' '.join(str(error).split())[:200]}). When the table is gone, a later run has dropped it."
            ) from error

    @contextmanager
    def read_without_table(self, *, compare: bool) -> Iterator[Iterator[MappedChunk]]:
        """Read changes as the query returns them. Parameters: see :class:`.Comparison`."""
        with self.wrap(_Changes(self, compare)).open(self.context) as rows:
            yield map_chunks(self.mapper, rows.chunks)

    def strike_out(self) -> None:
        """Forget the keys of all changes."""
        statements = self.statements
        self._repeat(lambda session: self._dialect.delete_keys(session, statements.sent, statements.changed_keys))

    def record(self, keys: KeyRange, refused: Sequence[str], sent_at: int) -> None:
        """Record the changes of a range as what Heap has now. Parameters: see :class:`.Comparison`."""
        ordered = sorted(set(refused))
        pieces = keys.split(ordered[MAX_KEYS - 1 : -1 : MAX_KEYS])
        for number, piece in enumerate(pieces):
            some = ordered[number * MAX_KEYS : (number + 1) * MAX_KEYS]
            self._add(self.statements.record(piece, some, sent_at))

    @property
    def key_width(self) -> int:
        """Number of columns that the sync key is made of."""
        return len(self.statements.key)

    def hash_of(self, texts: Sequence[str]) -> str:
        """
        Return the hash of a sync key.

        :param texts: the values of the columns that it is made of.
        """
        return key_hash(self.statements.salts[0], texts)

    def drop(self, table: str) -> None:
        """Drop a table of changes. Parameters: see :class:`.Comparison`."""
        schema, _, name = table.partition(":")[2].rpartition(".")
        quoted = self._dialect.table(schema, name)
        self._repeat(lambda session: self._dialect.drop(session, quoted), wait=False)

    def _place(self, name: str) -> str:
        return f"{self.context.get_db_hook().get_conn_id()}:{self.schema}.{name}"

    def _mapped(self, rows: Rows, first: int) -> ChangedRows:
        for chunk in rows.chunks:
            key_hashes = [row[-1] for row in chunk]
            done = 0
            for mapped in map_chunks(self.mapper, [[row[:-1] for row in chunk]], first):
                yield mapped, key_hashes[done : done + len(mapped)]
                done += len(mapped)
            first += done

    def _census(self, session: Session) -> Counts:
        names, columns = list(self.watched), list(self.watched.values())
        [row] = session.run_model(self.statements.census(columns, self._dialect.groups_fast))
        if not self._dialect.groups_fast and row[1]:
            [row] = session.run_model(self.statements.census(columns))
        rows, duplicates, *filled = map(int, row)
        return Counts(rows, duplicates, filled=dict(zip(names, filled, strict=True)))


@dataclass(frozen=True)
class _Changes:
    """
    The query of changes, as a model.

    :param comparison: the comparison.
    :param compare: only rows that are new or differ; False reads all.
    """

    comparison: WarehouseComparison
    compare: bool

    @contextmanager
    def open(self, source: ReadContext) -> Iterator[Rows]:
        """Run the query. Parameters: see :class:`.Model`."""
        comparison = self.comparison
        sql = comparison.statements.select_changes(self.compare, hashes=False)
        types = [column.type for column in comparison.statements.columns]
        with open_query(sql, source, types, comparison.prepare_driver) as rows:
            yield replace(rows, columns=comparison.mapper.columns)
