"""The rows of a chunk that can't be sent, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RowError:
    """
    Why a row can't be sent.

    :param reason: the code under which it is counted.
    :param column: the column whose value is at fault; None when it isn't one column's.
    """

    reason: str
    column: str | None


class RowErrors:
    """Rows by their place in the chunk; the first fault of a row is kept."""

    def __init__(self) -> None:
        #: The column that is being looked at.
        self.column: str | None = None
        self._by_row: dict[int, RowError] = {}

    def add(self, row: int, reason: str) -> None:
        """
        Note a fault of the present column.

        :param row: the row's place in the chunk.
        :param reason: the code under which it is counted.
        """
        if row not in self._by_row:
            self._by_row[row] = RowError(reason, self.column)

    def __getitem__(self, row: int) -> RowError:
        return self._by_row[row]

    def __contains__(self, row: object) -> bool:
        return row in self._by_row

    def __len__(self) -> int:
        return len(self._by_row)

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._by_row))
