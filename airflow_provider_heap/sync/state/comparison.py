"""What a comparison inside the database of the rows does for a run. ``models/diff`` implements it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from airflow_provider_heap.sync.items import MappedChunk
from airflow_provider_heap.sync.state.parts import KeyRange

#: Rows, and the hash of each one's key; None where it has none.
ChangedRows = Iterator[tuple[MappedChunk, Sequence[str | None]]]


@dataclass(frozen=True)
class Counts:
    """
    What is known of the rows before the first of them is read.

    :param rows: rows of the model.
    :param duplicates: keys that come more than once.
    :param changes: rows that are new or changed; None when they were not counted.
    :param without_key: those of them that have no key.
    :param filled: for properties that a guard watches, the number of rows with a value.
    """

    rows: int
    duplicates: int
    changes: int | None = None
    without_key: int = 0
    filled: Mapping[str, int] = field(default_factory=dict)


class Comparison(Protocol):
    """
    The two tables of a sync in the database of its rows. Each call opens a connection of its own, so any thread may
    call.
    """

    @property
    def sent_table(self) -> str:
        """Connection, schema and name of the table of hashes of what Heap took."""

    @property
    def changes_table(self) -> str:
        """Connection, schema and name of the table of this run's changes."""

    @property
    def shares(self) -> bool:
        """Whether instances of a mapped task may write the same table of hashes at the same time."""

    @property
    def null_reason(self) -> str:
        """Code that a row without a key counts under."""

    def prepare(self, *, clear: bool) -> bool:
        """
        Create the table of what Heap took, unless it is there, and return whether anything is recorded.

        :param clear: forget what is recorded.
        :raises ModelError: when the database can't compare rows, or the role may not create a table.
        :raises StateError: when the database fails.
        """

    def make_changes(self, *, compare: bool) -> Counts:
        """
        Create the table of changes, and count.

        :param compare: only rows that are new or differ; False takes all.
        """

    def count(self) -> Counts:
        """Count the model's rows, without creating anything."""

    def read(self, keys: KeyRange, first: int) -> AbstractContextManager[ChangedRows]:
        """
        Read changes.

        :param keys: those of this range.
        :param first: number of the first row.
        """

    def read_without_table(self, *, compare: bool) -> AbstractContextManager[Iterator[MappedChunk]]:
        """
        Read changes as the query returns them, for a run that changes nothing.

        :param compare: only rows that are new or differ; False reads all.
        """

    def strike_out(self) -> None:
        """Forget the keys of all changes: until Heap has answered, nobody knows which value it holds."""

    def forget(self, key_hashes: Sequence[str]) -> None:
        """
        Forget keys.

        :param key_hashes: their hashes.
        """

    def forget_before(self, seconds: int) -> None:
        """
        Forget what was sent before a time.

        :param seconds: since 1970.
        """

    def record(self, keys: KeyRange, refused: Sequence[str], sent_at: int) -> None:
        """
        Record the changes of a range as what Heap has now.

        :param keys: the range.
        :param refused: hashes of the keys in it that Heap did not take.
        :param sent_at: when it took the others, in seconds since 1970.
        """

    def drop(self, table: str) -> None:
        """
        Drop a table of changes.

        :param table: as :attr:`changes_table` names it.
        """
