"""The rows of a chunk that cannot be sent, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter

#: Reason code of a value that neither JSON nor Heap has a form for.
NO_JSON_FORM = "no_json_form"


@dataclass(frozen=True, slots=True)
class RowError:
    """
    Why a row cannot be sent.

    :param reason: code under which the row is counted.
    :param column: column whose value is at fault; None when it is not the value of one column.
    :param detail: what is wrong, for the log: a type or a limit, never the value; None when the reason says it all.
    """

    reason: str
    column: str | None
    detail: str | None = None


class RowErrors:
    """Errors by the position of their row in the chunk, in that order. The first error of a row is kept."""

    def __init__(self) -> None:
        self._by_row: dict[int, RowError] = {}

    def add(self, row: int, reason: str, column: str | None, detail: str | None = None) -> None:
        """
        Add an error, unless the row has one.

        :param row: position of the row in the chunk.
        :param reason: code under which the row is counted.
        :param column: column whose value is at fault; None when it is not the value of one column.
        :param detail: what is wrong, for the log.
        """
        if row not in self._by_row:
            self._by_row[row] = RowError(reason, column, detail)

    def __getitem__(self, row: int) -> RowError:
        return self._by_row[row]

    def __contains__(self, row: object) -> bool:
        return row in self._by_row

    def __len__(self) -> int:
        return len(self._by_row)

    def items(self) -> Iterator[tuple[int, RowError]]:
        """Return each row that has an error, with its error, in the order of the chunk."""
        return iter(sorted(self._by_row.items(), key=itemgetter(0)))
