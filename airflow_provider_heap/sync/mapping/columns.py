"""The columns of a query, found by the names that the user wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.wording import did_you_mean

#: A row of a query: one value a column.
Row = Sequence[Any]
#: A column of a chunk of rows: one value a row.
Column = Sequence[Any]


class ColumnIndex:
    """
    Column names in the order of the query.

    :param names: names as the database has them.
    :raises ModelError: when a name comes twice.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._positions = {name: position for position, name in enumerate(self.names)}
        self._positions_by_lower_case: dict[str, list[int]] = {}
        for position, name in enumerate(self.names):
            self._positions_by_lower_case.setdefault(name.lower(), []).append(position)
        duplicates = [name for name, count in Counter(self.names).items() if count > 1]
        if duplicates:
            raise ModelError(
                f"The model returns more than one column named {_listed(duplicates)}; give each an alias of its own. "
                f"It has: {_listed(self.names)}."
            )

    def has(self, name: str) -> bool:
        """
        Return whether :meth:`position` finds a column.

        :param name: name that the user wrote.
        """
        return name in self._positions or len(self._positions_by_lower_case.get(name.lower(), ())) == 1

    def position(self, name: str, role: str) -> int:
        """
        Return the position of a column: an exact match, else the only one that differs in case alone.

        :param name: name that the user wrote.
        :param role: what the column is for, for the message.
        :raises ModelError: when there is no such column, or several differ in case alone.
        """
        if name in self._positions:
            return self._positions[name]
        positions = self._positions_by_lower_case.get(name.lower(), [])
        if len(positions) == 1:
            return positions[0]
        problem = (
            f"{_listed([self.names[position] for position in positions])} differ from it in upper and lower case alone"
            if positions
            else "no such column"
        )
        meant = "" if positions else did_you_mean(name, self.names)
        raise ModelError(f"{role} needs the column {name!r}: {problem}.{meant} The model has: {_listed(self.names)}.")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) or "no columns"
