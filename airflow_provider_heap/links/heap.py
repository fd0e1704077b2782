"""The links from the page of a task: to the environment that it writes to, and to the history of the sync."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.providers.common.compat.sdk import AirflowPlugin, BaseOperatorLink, XCom, conf

__all__ = ["HeapLink", "SyncHistoryLink"]

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey


class HeapLink(BaseOperatorLink):
    """A link to the environment in Heap, or to the page of the sandbox."""

    name = "Heap"
    #: The XCom with the URL. The task pushes it, because only a task can read its connection.
    key = "heap_url"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """
        Return the URL; empty when the task failed before it knew it.

        :param operator: the operator that ran, or as much of it as Airflow 2 keeps in its database.
        :param ti_key: the run of the task.
        """
        # Airflow 3 asks in the task's own process, and for an XCom that was not pushed it would log an error.
        if hasattr(operator, "app_url"):
            return str(operator.app_url)
        return XCom.get_value(key=self.key, ti_key=ti_key) or ""


class SyncHistoryLink(BaseOperatorLink):
    """A link to the run on the page *Heap* of Airflow's UI."""

    name = "Sync history"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """
        Return the URL of the page; empty where Airflow's UI can't have it, before 3.1.

        :param operator: the operator of the task.
        :param ti_key: the run of the task.
        """
        if not hasattr(AirflowPlugin, "react_apps") or not conf.getboolean("heap", "page", fallback=True):
            return ""
        base = (conf.get("api", "base_url", fallback="") or "").rstrip("/")
        ids = {"dag_id": ti_key.dag_id, "task_id": ti_key.task_id, "run_id": ti_key.run_id}
        return f"{base}/plugin/heap?{'&'.join(f'{name}={quote(value)}' for name, value in ids.items())}"
