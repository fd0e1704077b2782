"""The Airflow connection to Heap."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import ACCOUNT, EVENT, USER, USER_DELETION, HeapObject
from airflow_provider_heap.api.retry import RetryPolicy
from airflow_provider_heap.exceptions import HeapConfigurationError
from airflow_provider_heap.hooks.connections import find_connection
from airflow_provider_heap.provider_info import CONNECTION_TYPE, FORM, HOOK_NAME, TIMEOUT_FIELD
from airflow_provider_heap.sync.plan import DeliverySettings, SyncPlan

if TYPE_CHECKING:
    from airflow_provider_heap.api.client import HeapClient

__all__ = ["HeapHook"]


class HeapHook(BaseHook):
    """
    Send records to Heap, and return the client that the operators use.

    :param heap_conn_id: the Airflow connection of type ``heap``: App ID in login, ``us`` or ``eu`` in schema, another
        base URL in host and port, ``timeout`` in extra, and in password the API key, which only deletions need.
    """

    conn_name_attr = "heap_conn_id"
    default_conn_name = "heap_default"
    conn_type = CONNECTION_TYPE
    hook_name = HOOK_NAME
    #: How often a request is tried, and the waits in between.
    retry_policy = RetryPolicy()

    def __init__(self, heap_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heap_conn_id = heap_conn_id

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the connection form of Airflow 2.11 to 3.1."""
        return {key.replace("-", "_"): value for key, value in FORM.items()}

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the form's own fields for Airflow 2.11 to 3.1."""
        # Airflow 3 brings neither, and asks for none of this.
        from flask_appbuilder.fieldwidgets import BS3TextFieldWidget  # type: ignore[import-not-found]
        from wtforms import IntegerField  # type: ignore[import-untyped]
        from wtforms.validators import Optional  # type: ignore[import-untyped]

        return {
            "timeout": IntegerField(
                TIMEOUT_FIELD["label"],
                widget=BS3TextFieldWidget(),
                validators=[Optional()],
                description=TIMEOUT_FIELD["description"],
            )
        }

    def environment(self, heap_object: HeapObject | None = None) -> Environment:
        """
        Read the connection.

        :param heap_object: what is sent; deletions go to another host than the rest.
        :raises HeapConfigurationError: when it can't be right, naming the connection.
        """
        connection = find_connection(self.heap_conn_id, self.conn_name_attr, "--conn-type heap --conn-login APP_ID")
        if connection.conn_type not in (self.conn_type, None, ""):
            raise HeapConfigurationError(
                f"Connection {self.heap_conn_id!r} is of type {connection.conn_type!r}, and {self.conn_name_attr} "
                f"takes one of type {self.conn_type!r}, with the App ID as its login."
            )
        environment = Environment.parse(
            app_id=connection.login,
            region=connection.schema,
            host=connection.host,
            port=connection.port,
            timeout=connection.extra_dejson.get("timeout"),
            api_key=connection.password,
            name=self.heap_conn_id,
        )
        return environment.for_deletion() if heap_object is not None and heap_object.deletes else environment

    def get_conn(self, connections: int = 1) -> HeapClient:
        """
        Return a client for the connection's environment.

        :param connections: how many HTTP connections it keeps open.
        :raises HeapConfigurationError: when the Airflow connection can't be right.
        """
        from airflow_provider_heap.api.client import HeapClient

        return HeapClient(self.environment(), connections, retry_policy=self.retry_policy)

    def test_connection(self) -> tuple[bool, str]:
        """
        Check the form of the App ID, reach the host, and check the API key if there is one; nothing is written to Heap.

        :return: whether it worked, and a sentence that says why or why not.
        """
        from airflow_provider_heap.hooks.connection_check import check_connection

        return check_connection(self.get_conn, self.heap_conn_id)

    def add_account_properties(self, records: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """
        Update or create accounts.

        :param records: ``{"account_id": ..., "properties": {...}}`` each.
        :return: the counters, as the operators return them.
        :raises HeapError: one of its classes, with the counters as ``report``.
        """
        return self._sync(ACCOUNT, records)

    def add_user_properties(self, records: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """
        Update or create users.

        :param records: ``{"identity": ..., "properties": {...}}`` each.
        :return: the counters, as the operators return them.
        :raises HeapError: one of its classes, with the counters as ``report``.
        """
        return self._sync(USER, records)

    def track(self, records: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """
        Send events.

        :param records: ``{"event": ..., "identity": ... or "user_id": ..., "timestamp": ..., "idempotency_key": ...,
            "session_id": ..., "properties": {...}}`` each. An event without a key gets a random one, so that a request
            that has to be repeated counts once; only a key of your own keeps a repeated task from counting twice.
        :return: the counters, as the operators return them.
        :raises HeapError: one of its classes, with the counters as ``report``.
        """
        return self._sync(EVENT, records)

    def delete_users(self, records: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """
        Ask Heap to delete users for good, from all environments of the account.

        :param records: ``{"identity": ...}`` or ``{"user_id": ...}`` each. Of two that are the same one is asked for.
        :return: the counters, as the operators return them; ``deletion_requests`` has the IDs of the requests, for
            :meth:`deletion_status`.
        :raises HeapError: one of its classes, with the counters as ``report``.
        """
        return self._sync(USER_DELETION, records)

    def deletion_status(self, request_id: str) -> str:
        """
        Return how far a deletion is: ``pending`` or ``complete``, as Heap documents.

        :param request_id: Heap's ID of the request.
        :raises HeapConfigurationError: when Heap does not know the request, or refuses the API key.
        :raises HeapUnavailableError: when Heap can't be reached or keeps failing.
        """
        from airflow_provider_heap.api.client import HeapClient

        client = HeapClient(self.environment(USER_DELETION), retry_policy=self.retry_policy)
        try:
            return client.deletion_status(request_id)
        finally:
            client.close()

    def _sync(self, heap_object: HeapObject, records: Iterable[dict[str, Any]]) -> dict[str, Any]:
        from airflow_provider_heap.hooks.telemetry import emit
        from airflow_provider_heap.sync.mapping.records import open_records
        from airflow_provider_heap.sync.run import SyncRun

        plan = SyncPlan(
            heap_object=heap_object,
            environment=self.environment(heap_object),
            name="of a hook",
            source_label="records",
            delivery=DeliverySettings(
                batch_size=heap_object.max_items,
                concurrency=1 if heap_object.deletes else 4,
                retry_policy=self.retry_policy,
            ),
            advice="fix the records whose numbers the log names, or leave them out",
        )
        run = SyncRun(plan, lambda: open_records(heap_object, records), log=self.log)
        try:
            return run.execute().as_dict()
        finally:
            emit(self, plan.environment, heap_object, run.report)
