"""Hash what the state keeps: syncs, sync keys and items."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import HeapObject
from airflow_provider_heap.sync.plan import SyncPlan


def fingerprints(bodies: Iterable[bytes]) -> list[str]:
    """
    Hash items for the state table.

    :param bodies: JSON of each item.
    :return: 16 hexadecimal digits for each.
    """
    empty, hashes = blake2b(digest_size=8), []
    for body in bodies:
        hasher = empty.copy()  # faster than a new one
        hasher.update(body)
        hashes.append(hasher.hexdigest())
    return hashes


@dataclass(frozen=True)
class StateKey:
    """
    Names a state. Each sync, environment and object has a state of its own, so that a sandbox or a staging App ID never
    makes production look up to date.

    :param sync: name of the sync.
    :param environment: the environment that it writes to.
    :param heap_object: the object that it writes.
    """

    sync: str
    environment: Environment
    heap_object: HeapObject

    @classmethod
    def of(cls, plan: SyncPlan) -> StateKey:
        """
        Return the key of the state that a run uses.

        :param plan: the run's.
        """
        return cls(plan.name, plan.environment, plan.heap_object)

    @property
    def id(self) -> str:
        """The state's ID: 16 hexadecimal digits."""
        parts = self.sync, self.environment.base_url, self.environment.app_id, self.heap_object.name
        return blake2b("\x1f".join(parts).encode(), digest_size=8).hexdigest()

    def key_hashes(self, keys: Sequence[str]) -> list[str]:
        """
        Hash sync keys for the state table. The same key has another hash in every state.

        :param keys: Account IDs, identities or idempotency keys.
        :return: 32 hexadecimal digits for each.
        """
        seeded, hashes = blake2b(f"{self.id}\x1f".encode(), digest_size=16), []
        for key in keys:
            hasher = seeded.copy()
            hasher.update(key.encode("utf-8", "surrogatepass"))
            hashes.append(hasher.hexdigest())
        return hashes
