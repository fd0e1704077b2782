"""
The ways in which a sync can fail, one class each.

The dotted paths are public: name them in a retry policy or in an ``on_failure_callback``. Classes that also derive from
``AirflowFailException`` are never retried by Airflow, because the same task would fail again in the same way; the
others are retried according to the task's ``retries``.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import AirflowFailException

__all__ = [
    "GateError",
    "GuardError",
    "HeapConfigurationError",
    "HeapError",
    "HeapRefusedError",
    "HeapUnavailableError",
    "ModelError",
    "ModelUnavailableError",
    "RejectsError",
    "StateError",
    "SyncRunningError",
    "SyncStoppedError",
    "TooManyRejectedError",
]


class HeapError(Exception):
    """
    Base of all failures of this package.

    :param message: what happened, where, and what to do next; holds no key and no value of a row.
    """

    #: The counters of the run up to the failure, as the operators return them; None when nothing had begun.
    report: dict[str, Any] | None = None


class HeapUnavailableError(HeapError):
    """Heap could not be reached or kept failing; Airflow's retry is worth it."""


class SyncStoppedError(HeapError):
    """The task was stopped (SIGTERM, marked as failed); what Heap had answered by then is counted."""


class StateError(HeapError):
    """The state's database failed; rows that Heap took and that were not recorded are sent again by the next try."""


class RejectsError(HeapError):
    """The rejects file could not be written; all good rows were delivered, unless the message says that none was."""


class SyncRunningError(HeapError):
    """Another run of the same sync is at work; a retry of the task waits until it is done."""


class HeapConfigurationError(HeapError, AirflowFailException):
    """The Heap connection cannot work as it is: a malformed App ID, an unknown region, a URL that is not Heap."""


class HeapRefusedError(HeapError, AirflowFailException):
    """Heap refused every item that it was given; most likely the App ID is wrong."""


class ModelError(HeapError, AirflowFailException):
    """The model or its mapping cannot work: a missing column, a reserved property name, a statement without rows."""


class GuardError(HeapError, AirflowFailException):
    """A guard is broken: the model's rows are not what they should be. Nothing was sent, and nothing was recorded."""


class TooManyRejectedError(HeapError, AirflowFailException):
    """All good rows were delivered, but more rows than ``max_rejected`` were invalid or refused by Heap."""


class GateError(ModelError):
    """dbt's own results speak against the model: it failed, a test on it did, a source of it is stale, or it is old."""


class ModelUnavailableError(HeapError):
    """The database, Looker or dbt Cloud could not be reached or kept failing; Airflow's retry is worth it."""
