"""What a run is going to do, as frozen values."""

from airflow_provider_heap.sync.plan.settings import (
    CountOrShare,
    DeliverySettings,
    GuardSettings,
    Holder,
    Log,
    StateSettings,
    StoragePath,
)
from airflow_provider_heap.sync.plan.sync_plan import RunMode, SyncPlan

__all__ = [
    "CountOrShare",
    "DeliverySettings",
    "GuardSettings",
    "Holder",
    "Log",
    "RunMode",
    "StateSettings",
    "StoragePath",
    "SyncPlan",
]
