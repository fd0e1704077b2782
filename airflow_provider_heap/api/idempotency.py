"""The idempotency keys of events: the same row has the same key, forever."""

from __future__ import annotations

from hashlib import blake2b


def idempotency_key(event: str, insert_id: str) -> str:
    """
    Return the idempotency key of an event.

    The event's name is part of it because Heap compares keys alone: without the name, order 42 and refund 42 would be
    one event.

    :param event: the event's name.
    :param insert_id: tells events of that name apart.
    :return: 32 hexadecimal digits.
    """
    hasher = event_hasher(event)
    hasher.update(insert_id.encode("utf-8", "surrogatepass"))
    return hasher.hexdigest()


def event_hasher(event: str) -> blake2b:
    """
    Return a hasher seeded with an event's name; a copy of it, updated with an insert ID, gives the key.

    :param event: the event's name.
    """
    return blake2b(f"{event}\x1f".encode("utf-8", "surrogatepass"), digest_size=16)
