"""One run: the rows of a model through mapping, state and delivery."""

from airflow_provider_heap.sync.run.sync_run import SyncRun

__all__ = ["SyncRun"]
