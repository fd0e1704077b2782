"""The Airflow connection to Heap."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import ACCOUNT, EVENT, USER, HeapObject
from airflow_provider_heap.api.retry import RetryPolicy
from airflow_provider_heap.exceptions import HeapConfigurationError
from airflow_provider_heap.provider_info import CONNECTION_TYPE, FORM, HOOK_NAME, TIMEOUT_FIELD
from airflow_provider_heap.sync.plan import DeliverySettings, SyncPlan

if TYPE_CHECKING:
    from airflow_provider_heap.api.client import HeapClient

__all__ = ["HeapHook"]

#: Seconds to connect, and again to answer, when a connection is tested.
TEST_TIMEOUT = 4.0


class HeapHook(BaseHook):
    """
    Send records to Heap, and return the client that the operators use.

    :param heap_conn_id: the Airflow connection of type ``heap``: App ID in login, ``us`` or ``eu`` in schema, another
        base URL in host and port, ``timeout`` in extra.
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

    def environment(self) -> Environment:
        """
        Read the connection.

        :raises HeapConfigurationError: when it can't be right, naming the connection.
        """
        connection = self.get_connection(self.heap_conn_id)
        return Environment.parse(
            app_id=connection.login,
            region=connection.schema,
            host=connection.host,
            port=connection.port,
            timeout=connection.extra_dejson.get("timeout"),
            name=self.heap_conn_id,
        )

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
        Check the form of the App ID and reach the host; nothing is written to Heap.

        :return: whether it worked, and what was found.
        """
        try:
            client = self.get_conn()
        except HeapConfigurationError as error:
            return False, self._without_name(error)
        environment = client.environment
        try:
            client.ping(TEST_TIMEOUT)
        except HeapConfigurationError as error:
            return False, self._without_name(error)
        except Exception as error:
            return False, f"{environment.base_url} could not be reached: {error}"
        finally:
            client.close()
        return True, (
            f"Reached {environment.base_url} (region {environment.region}, App ID {environment.app_id}); the App ID "
            "has the right form. Heap offers no way to prove that an App ID exists: compare it with the one that Heap "
            "shows you."
        )

    def _without_name(self, error: HeapConfigurationError) -> str:
        """Return a message without the connection: Airflow's UI tests a copy of it that has a random ID."""
        message = str(error).removeprefix(f"Connection {self.heap_conn_id!r}: ")
        return message[0].upper() + message[1:]

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

    def _sync(self, heap_object: HeapObject, records: Iterable[dict[str, Any]]) -> dict[str, Any]:
        from airflow_provider_heap.hooks.telemetry import emit
        from airflow_provider_heap.sync.mapping.records import open_records
        from airflow_provider_heap.sync.run import SyncRun

        plan = SyncPlan(
            heap_object=heap_object,
            environment=self.environment(),
            name="of a hook",
            source_label="records",
            delivery=DeliverySettings(retry_policy=self.retry_policy),
            advice="fix the records whose numbers the log names, or leave them out",
        )
        run = SyncRun(plan, lambda: open_records(heap_object, records), log=self.log)
        try:
            return run.execute().as_dict()
        finally:
            emit(self, plan.environment, heap_object, run.report)
