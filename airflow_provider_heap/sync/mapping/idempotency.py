"""Idempotency keys of events, a column at a time."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from airflow_provider_heap.api.idempotency import event_hasher
from airflow_provider_heap.api.objects import MIN_IDEMPOTENCY_KEY_LENGTH
from airflow_provider_heap.sync.mapping.row_errors import RowErrors

#: Event names whose hasher is kept. A sync has a few, but a column may hold anything.
MAX_EVENTS = 1000


class _HasherCache(dict[str, blake2b]):
    """Hashers seeded with an event's name; copied for each insert ID."""

    def __missing__(self, event: str) -> blake2b:
        if len(self) >= MAX_EVENTS:
            self.clear()
        hasher = self[event] = event_hasher(event)
        return hasher


class IdempotencyKeys:
    """
    Derives idempotency keys. For one thread at a time.

    :param field: name of the field that holds the key, for reason codes.
    :param scope: ``event`` derives the key from the event's name and the insert ID; ``app`` takes the insert ID
        as it is.
    """

    def __init__(self, field: str, scope: str) -> None:
        self._field = field
        self._scope = scope
        self._hashers = _HasherCache()

    @property
    def has_event(self) -> bool:
        """Whether the event's name is part of the key."""
        return self._scope == "event"

    def derive(
        self,
        events: Sequence[str | None],
        insert_ids: Sequence[str | None],
        errors: RowErrors,
        column: str | None,
    ) -> Sequence[str | None]:
        """
        Return the idempotency key of each row; None where the event's name or the insert ID is.

        :param events: names of the events.
        :param insert_ids: insert IDs.
        :param errors: receives the rows whose insert ID is too short to be a key.
        :param column: name of the insert IDs' column, for the errors.
        """
        if self.has_event:
            return self._hash(events, insert_ids)
        for row, insert_id in enumerate(insert_ids):
            if insert_id is not None and len(insert_id) < MIN_IDEMPOTENCY_KEY_LENGTH:
                errors.add(row, f"{self._field}_too_short", column)
        return insert_ids

    def _hash(self, events: Sequence[str | None], insert_ids: Sequence[str | None]) -> list[str | None]:
        """Derive a column of keys as :func:`.idempotency_key` derives one."""
        hashers = self._hashers
        keys: list[str | None] = []
        for event, insert_id in zip(events, insert_ids, strict=True):
            if event is None or insert_id is None:
                keys.append(None)
                continue
            hasher = hashers[event].copy()
            hasher.update(insert_id.encode("utf-8", "surrogatepass"))
            keys.append(hasher.hexdigest())
        return keys
