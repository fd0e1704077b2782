"""Guards: what must hold for the rows of a model before the first of them is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from airflow_provider_heap.exceptions import GuardError, ModelError
from airflow_provider_heap.sync.mapping.mapper import Mapper
from airflow_provider_heap.sync.seen_keys import SeenKeys


class Guards:
    """
    The guards of one run. None of them is set unless it is given.

    :param min_rows: the fewest rows that the model may have.
    :param max_rows: the most.
    :param max_changed: rows that may be new or changed: an int is a count, a float below 1 a share of the rows read.
    :param max_null: for each Heap property the share of the rows read that may have no value.
    :param unique_key: no sync key may come twice.
    :raises ModelError: when a guard can't be right.
    """

    def __init__(
        self,
        *,
        min_rows: int | None = None,
        max_rows: int | None = None,
        max_changed: int | float | None = None,
        max_null: Mapping[str, float] | None = None,
        unique_key: bool = False,
    ) -> None:
        for name, value in (("min_rows", min_rows), ("max_rows", max_rows)):
            if value is not None and value < 0:
                raise ModelError(f"{name} must be 0 or more; found {value}.")
        if min_rows is not None and max_rows is not None and min_rows > max_rows:
            raise ModelError(f"min_rows={min_rows} is more than max_rows={max_rows}: no model can hold both.")
        for name, share in (max_null or {}).items():
            if not 0 <= share <= 1:
                raise ModelError(f"max_null takes a share from 0 to 1 for each property; found {share} for {name!r}.")
        self._min_rows = min_rows
        self._max_rows = max_rows
        self.max_changed = max_changed
        self._max_null = dict(max_null or {})
        self.unique_key = unique_key
        self._keys = SeenKeys() if unique_key else None
        self._mapping: Mapper | None = None
        self._filled: Counter[str] = Counter()

    def __bool__(self) -> bool:
        limits = (self._min_rows, self._max_rows, self.max_changed)
        return self.unique_key or bool(self._max_null) or any(limit is not None for limit in limits)

    def meet(self, mapping: Mapper) -> None:
        """
        See which mapping makes the items, before the first of them.

        :param mapping: it knows the column of the sync key.
        """
        self._mapping = mapping

    def note(self, rows: int, keys: Sequence[str], filled: Mapping[str, int]) -> None:
        """
        Look at the next rows.

        :param rows: how many were read so far.
        :param keys: those of the last rows that can be sent; none where the state counts them.
        :param filled: for the properties of ``max_null``, how many of the last rows have a value.
        :raises GuardError: when there are more than ``max_rows``: who knows how many a wrong join makes.
        """
        if self._max_rows is not None and rows > self._max_rows:
            raise GuardError(
                f"Nothing was sent, because a guard is broken: the model has more than max_rows={self._max_rows:,} "
                f"rows; reading stopped after {rows:,}. Look at its joins, or raise max_rows if so many are right."
            )
        self._filled.update(filled)
        if self._keys is not None:
            self._keys.add([blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest() for key in keys])

    def duplicate_keys(self) -> int | None:
        """Return how many keys came more than once so far; None when nobody asked."""
        return None if self._keys is None else self._keys.duplicates()

    def check(self, rows: int, changed: int | None, duplicates: int | None) -> None:
        """
        Decide, after the last row.

        :param rows: how many were read.
        :param changed: how many are new or changed; None when there is nothing to compare with.
        :param duplicates: how many keys came more than once; None when nobody looked.
        :raises GuardError: when a guard is broken; it tells of all that are.
        """
        broken = []
        if self._min_rows is not None and rows < self._min_rows:
            broken.append(f"the model has {rows:,} rows, fewer than min_rows={self._min_rows:,}")
        if self.max_changed is not None and changed is not None and _over(changed, rows, self.max_changed):
            broken.append(
                f"{changed:,} of {rows:,} rows ({changed / max(rows, 1):.1%}) are new or changed, more than "
                f"max_changed={self.max_changed:,} (if they are right, run once with full_sync=True)"
            )
        for name, share in self._max_null.items():
            nulls = rows - self._filled.get(name, 0)
            if rows and nulls / rows > share:
                broken.append(
                    f"property {name!r} has no value in {nulls:,} of {rows:,} rows ({nulls / rows:.1%}), more than "
                    f"max_null={share}"
                )
        if self.unique_key and duplicates:
            column = f" (column {self._mapping.key_column!r})" if self._mapping else ""
            keys = "key" if duplicates == 1 else "keys"
            broken.append(f"{duplicates:,} {keys}{column} came more than once, and unique_key allows none")
        if broken:
            what = "a guard is" if len(broken) == 1 else f"{len(broken)} guards are"
            raise GuardError(f"Nothing was sent, because {what} broken: {'; '.join(broken)}.")

    def close(self) -> None:
        """Forget the keys."""
        if self._keys is not None:
            self._keys.close()


def _over(count: int, rows: int, limit: int | float) -> bool:
    """Tell whether a count is over a limit. A quotient, unlike a product, is rounded as the share that was typed is."""
    return count / max(rows, 1) > limit if isinstance(limit, float) and limit < 1 else count > limit
