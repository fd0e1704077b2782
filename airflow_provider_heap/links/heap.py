"""From a task's page to the environment that it writes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey


class HeapLink(BaseOperatorLink):
    """The environment in Heap, or the sandbox's page."""

    name = "Heap"
    #: The XCom in which the task leaves the URL: only the task knows its connection.
    key = "heap_url"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """
        Return the URL that the task left; empty when it did not get that far.

        :param operator: one of ours.
        :param ti_key: which run of it.
        """
        return XCom.get_value(key=self.key, ti_key=ti_key) or ""
