"""The columns that a query returned, found by the names that the user wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from airflow_provider_heap.exceptions import ModelError


class ColumnIndex:
    """
    Column names in the order of the query.

    :param names: what the database calls them.
    :raises ModelError: when a name comes twice.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._places = {name: place for place, name in enumerate(self.names)}
        self._folded: dict[str, list[int]] = {}
        for place, name in enumerate(self.names):
            self._folded.setdefault(name.lower(), []).append(place)
        twice = [name for name, times in Counter(self.names).items() if times > 1]
        if twice:
            raise ModelError(
                f"The model returns more than one column named {_listed(twice)}; give each an alias of its own. "
                f"It has: {_listed(self.names)}."
            )

    def find(self, name: str, role: str) -> int:
        """
        Return the place of a column: an exact match, else the only one that differs in case alone.

        :param name: what the user calls it.
        :param role: what it is wanted for, for the message.
        :raises ModelError: when there is none, or several that differ in case.
        """
        if name in self._places:
            return self._places[name]
        places = self._folded.get(name.lower(), [])
        if len(places) == 1:
            return places[0]
        problem = (
            f"{_listed([self.names[place] for place in places])} match but for upper and lower case"
            if places
            else "no such column"
        )
        raise ModelError(f"{role} wants the column {name!r}: {problem}. The model has: {_listed(self.names)}.")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) or "no columns"
