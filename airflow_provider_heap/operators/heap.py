"""The sync operators, one for each object that Heap takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from airflow_provider_heap.api.idempotency import idempotency_key
from airflow_provider_heap.api.objects import ACCOUNT, EVENT, USER
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.operators.arguments import REQUIRED, check_choices, check_exactly_one, check_required
from airflow_provider_heap.operators.deletion import HeapUserDeletionOperator
from airflow_provider_heap.operators.redrive import HeapRedriveOperator
from airflow_provider_heap.operators.sync import HeapSyncOperator
from airflow_provider_heap.sync.mapping import Constant, FieldMapping, RowTemplate
from airflow_provider_heap.sync.mapping.field_mapping import INSERT_ID_SCOPES

__all__ = [
    "Constant",
    "HeapAccountSyncOperator",
    "HeapEventSyncOperator",
    "HeapRedriveOperator",
    "HeapSyncOperator",
    "HeapUserDeletionOperator",
    "HeapUserSyncOperator",
    "RowTemplate",
]


class HeapAccountSyncOperator(HeapSyncOperator):
    """
    Update or create account properties by Account ID.

    Heap takes them for accounts whose Account ID is a user property chosen as such in Heap, so send users first
    (https://developers.heap.io/reference/bulk-add-account-properties).

    .. seealso:: All other parameters: :class:`HeapSyncOperator`.

    :param account_id: column of the Account ID.
    """

    heap_object = ACCOUNT

    def __init__(self, *, account_id: str = "account_id", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.account_id = account_id

    def item_fields(self) -> dict[str, str | Constant]:
        """Return the column of the Account ID."""
        return {"account_id": self.account_id}


class HeapUserSyncOperator(HeapSyncOperator):
    """
    Update or create user properties by Identity.

    Heap creates a user for an identity that it doesn't know; identities are case-sensitive
    (https://developers.heap.io/reference/bulk-add-user-properties).

    .. seealso:: All other parameters: :class:`HeapSyncOperator`.

    :param identity: column of the Identity.
    """

    heap_object = USER

    def __init__(self, *, identity: str = "identity", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.identity = identity

    def item_fields(self) -> dict[str, str | Constant]:
        """Return the column of the Identity."""
        return {"identity": self.identity}


class HeapEventSyncOperator(HeapSyncOperator):
    """
    Send events by Insert ID: an event that Heap has already is not counted again.

    .. seealso:: All other parameters: :class:`HeapSyncOperator`.

    :param insert_id: column that tells events of one name apart; becomes Heap's ``idempotency_key``.
    :param timestamp: column of the time at which it happened; None, written out, leaves the time of arrival to Heap.
    :param identity: column of the user's Identity.
    :param user_id: column of Heap's own user ID, instead of ``identity``.
    :param event: the event's name. (templated)
    :param event_column: column of the event's name, instead of ``event``.
    :param session_id: column of the session's ID.
    :param insert_id_scope: ``event`` hashes the event's name and the insert ID, so that order 42 and refund 42 are two
        events; ``app`` sends the insert ID as it is, at least 8 characters.
    :param state_retention: how long an event that was sent stays in the state, a timedelta or a number of days; None
        keeps it. Heap counts an event that comes again after that once all the same.
    """

    heap_object = EVENT
    template_fields: Sequence[str] = (*HeapSyncOperator.template_fields, "event")

    def __init__(
        self,
        *,
        insert_id: str = REQUIRED,
        timestamp: str | None = REQUIRED,
        identity: str | None = None,
        user_id: str | None = None,
        event: str | None = None,
        event_column: str | None = None,
        session_id: str | None = None,
        insert_id_scope: str = "event",
        state_retention: timedelta | float | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.insert_id = insert_id
        self.timestamp = timestamp
        self.identity = identity
        self.user_id = user_id
        self.event = event
        self.event_column = event_column
        self.session_id = session_id
        self.insert_id_scope = insert_id_scope
        self.state_retention = state_retention
        check_required(
            self,
            insert_id="the column that tells events of one name apart, such as insert_id='order_id'",
            timestamp="the column of the time at which the event happened, such as timestamp='created_at' (write "
            "timestamp=None if Heap is to take the time at which the event arrives)",
        )
        check_exactly_one(self, "the user whom an event is of", "identity", "user_id")
        check_exactly_one(self, "the name of the event", "event", "event_column")
        check_choices(self, insert_id_scope=INSERT_ID_SCOPES)

    def mapping(self) -> FieldMapping:
        """
        Return which column goes where.

        :raises ModelError: when the parameters contradict each other.
        """
        return replace(super().mapping(), insert_id_scope=self.insert_id_scope, optional=frozenset({"session_id"}))

    def sync_key(self, value: str, event: str | None = None) -> str:
        """
        Return the idempotency key of an event.

        :param value: its insert ID.
        :param event: its name, where the task has none of its own.
        :raises ModelError: when the event's name is missing.
        """
        if self.insert_id_scope == "app":
            return value
        name = self.event if self.event is not None else event
        if name is None:
            raise ModelError("The events' names are in a column: say which event the insert ID is of.")
        return idempotency_key(name, value)

    def item_fields(self) -> dict[str, str | Constant]:
        """Return the column, or the constant, of each field of an event."""
        sources: dict[str, str | Constant | None] = {
            "event": self.event_column if self.event is None else Constant(self.event),
            "identity": self.identity,
            "user_id": self.user_id,
            "timestamp": self.timestamp,
            "session_id": self.session_id,
            "idempotency_key": self.insert_id,
        }
        return {name: source for name, source in sources.items() if source is not None}
