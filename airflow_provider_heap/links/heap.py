"""The link from the page of a task to the environment that it writes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

__all__ = ["HeapLink"]

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey


class HeapLink(BaseOperatorLink):
    """A link to the environment in Heap, or to the page of the sandbox."""

    name = "Heap"
    #: The XCom with the URL. The task pushes it, because only a task can read its connection.
    key = "heap_url"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """
        Return the URL that the task pushed; empty when it failed before that.

        :param operator: the operator of the task.
        :param ti_key: the run of the task.
        """
        return XCom.get_value(key=self.key, ti_key=ti_key) or ""
