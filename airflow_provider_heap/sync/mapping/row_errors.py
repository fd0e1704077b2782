"""The rows of a chunk that cannot be sent, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

#: Reason code of a value that neither JSON nor Heap has a form for.
NO_JSON_FORM = "no_json_form"


@dataclass(frozen=True, slots=True)
class RowError:
    """
    Why a row cannot be sent.

    :param reason: code under which the row is counted.
    :param column: column whose value is at fault; None when it is not the value of one column.
    """

    reason: str
    column: str | None


class RowErrors:
    """Errors by the position of their row in the chunk, in that order. The first error of a row is kept."""

    def __init__(self) -> None:
        self._by_row: dict[int, RowError] = {}

    def add(self, row: int, reason: str, column: str | None) -> None:
        """
        Add an error, unless the row has one.

        :param row: position of the row in the chunk.
        :param reason: code under which the row is counted.
        :param column: column whose value is at fault; None when it is not the value of one column.
        """
        if row not in self._by_row:
            self._by_row[row] = RowError(reason, column)

    def __getitem__(self, row: int) -> RowError:
        return self._by_row[row]

    def __contains__(self, row: object) -> bool:
        return row in self._by_row

    def __len__(self) -> int:
        return len(self._by_row)

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._by_row))
