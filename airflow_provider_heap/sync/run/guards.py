"""Check what must hold for the rows of a model before the first of them is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from hashlib import blake2b

from airflow_provider_heap.exceptions import GuardError
from airflow_provider_heap.sync.items import MappedChunk
from airflow_provider_heap.sync.plan import CountOrShare, GuardSettings
from airflow_provider_heap.sync.state.seen_keys import SeenKeys
from airflow_provider_heap.wording import counted


class Guards:
    """
    Count what the guards of one run ask about. For one thread at a time.

    :param settings: the guards.
    :param count_keys: count the keys that come more than once; False where the state counts them.
    :param in_database: the rows are compared in their database, which allows no key to come more than once.
    """

    def __init__(self, settings: GuardSettings, count_keys: bool, in_database: bool = False) -> None:
        self.settings = settings
        self._unique_by = "diff_schema" if in_database else "unique_key"
        self._keys = SeenKeys() if settings.unique_key and count_keys else None
        self._filled: Counter[str] = Counter()

    def add(self, chunk: MappedChunk, rows: int) -> None:
        """
        Count the next rows.

        :param chunk: the rows.
        :param rows: how many were read so far, these included.
        :raises GuardError: when there are more than ``max_rows``. A wrong join may make any number of them, so reading
            stops there.
        """
        most = self.settings.max_rows
        if most is not None and rows > most:
            raise GuardError(
                f"Nothing was sent, because a guard is broken: the model has more than max_rows={most:,}, and reading "
                f"stopped after {rows:,}. Look at its joins, or raise max_rows if so many are right."
            )
        self._filled.update(chunk.filled)
        if self._keys is not None:
            keys = chunk.items.keys
            self._keys.add([blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest() for key in keys])

    def add_counts(self, filled: Mapping[str, int]) -> None:
        """
        Take counts that the database made, in place of the rows.

        :param filled: for each property that is watched, the number of rows with a value.
        """
        self._filled.update(filled)

    def duplicate_keys(self) -> int | None:
        """Return how many keys came more than once so far; None when they were not counted."""
        return None if self._keys is None else self._keys.duplicates()

    def check(self, rows: int, changed: int | None, duplicates: int | None, key_column: str | None) -> None:
        """
        Decide, after the last row.

        :param rows: how many were read.
        :param changed: how many are new or changed; None when there is nothing to compare with.
        :param duplicates: how many keys came more than once; None when they were not counted.
        :param key_column: the column of the sync key, for the message.
        :raises GuardError: when a guard is broken; the message lists all that are.
        """
        settings = self.settings
        broken = []
        if settings.min_rows is not None and rows < settings.min_rows:
            broken.append(f"the model has {counted(rows, 'row')}, fewer than min_rows={settings.min_rows:,}")
        most = settings.max_changed
        if most is not None and changed is not None and CountOrShare(most).exceeded(changed, rows):
            broken.append(
                f"{changed:,} of {counted(rows, 'row')} ({changed / max(rows, 1):.1%}) "
                f"{'is' if changed == 1 else 'are'} new or changed, more than "
                f"max_changed={most:,} (if they are right, run once with full_sync=True)"
            )
        for name, share in settings.max_null.items():
            nulls = rows - self._filled[name]
            if rows and nulls / rows > share:
                broken.append(
                    f"property {name!r} has no value in {nulls:,} of {counted(rows, 'row')} ({nulls / rows:.1%}), "
                    f"more than max_null={share}"
                )
        if settings.unique_key and duplicates:
            column = f" (column {key_column!r})" if key_column else ""
            pick = f" ({pick_one(key_column)})" if key_column else ""
            broken.append(
                f"{counted(duplicates, 'key')}{column} came more than once, and {self._unique_by} allows none{pick}"
            )
        if broken:
            what = "a guard is" if len(broken) == 1 else f"{len(broken)} guards are"
            raise GuardError(f"Nothing was sent, because {what} broken: {'; '.join(broken)}.")

    def close(self) -> None:
        """Release the disk space of the keys."""
        if self._keys is not None:
            self._keys.close()


def pick_one(key_column: str) -> str:
    """
    Return the advice for a model that has several rows with one key.

    :param key_column: the column of the sync key.
    """
    return (
        f"to pick one row for each key: select * from (select m.*, row_number() over (partition by {key_column} "
        "order by ... desc) as pick from (...the model...) m) p where pick = 1"
    )
