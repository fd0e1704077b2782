"""Check what must hold for the rows of a model before the first of them is sent."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b

from airflow_provider_heap.exceptions import GuardError
from airflow_provider_heap.sync.items import MappedChunk
from airflow_provider_heap.sync.plan import CountOrShare, GuardSettings
from airflow_provider_heap.sync.seen_keys import SeenKeys


class Guards:
    """
    Count what the guards of one run ask about. For one thread at a time.

    :param settings: the guards.
    :param count_keys: count the keys that come more than once; False where the state counts them.
    """

    def __init__(self, settings: GuardSettings, count_keys: bool) -> None:
        self.settings = settings
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
                f"Nothing was sent, because a guard is broken: the model has more than max_rows={most:,} rows; reading "
                f"stopped after {rows:,}. Look at its joins, or raise max_rows if so many are right."
            )
        self._filled.update(chunk.filled)
        if self._keys is not None:
            keys = chunk.items.keys
            self._keys.add([blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest() for key in keys])

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
            broken.append(f"the model has {rows:,} rows, fewer than min_rows={settings.min_rows:,}")
        most = settings.max_changed
        if most is not None and changed is not None and CountOrShare(most).exceeded(changed, rows):
            broken.append(
                f"{changed:,} of {rows:,} rows ({changed / max(rows, 1):.1%}) are new or changed, more than "
                f"max_changed={most:,} (if they are right, run once with full_sync=True)"
            )
        for name, share in settings.max_null.items():
            nulls = rows - self._filled[name]
            if rows and nulls / rows > share:
                broken.append(
                    f"property {name!r} has no value in {nulls:,} of {rows:,} rows ({nulls / rows:.1%}), more than "
                    f"max_null={share}"
                )
        if settings.unique_key and duplicates:
            column = f" (column {key_column!r})" if key_column else ""
            keys = "key" if duplicates == 1 else "keys"
            broken.append(f"{duplicates:,} {keys}{column} came more than once, and unique_key allows none")
        if broken:
            what = "a guard is" if len(broken) == 1 else f"{len(broken)} guards are"
            raise GuardError(f"Nothing was sent, because {what} broken: {'; '.join(broken)}.")

    def close(self) -> None:
        """Release the disk space of the keys."""
        if self._keys is not None:
            self._keys.close()
