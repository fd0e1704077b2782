"""What Airflow's button Test says of a connection to Heap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from airflow_provider_heap.api.client import HeapClient
from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.exceptions import HeapConfigurationError, HeapError

#: Seconds to connect, and again to answer, when a connection is tested.
TEST_TIMEOUT = 4.0


def check_connection(open_client: Callable[[], HeapClient], conn_id: str) -> tuple[bool, str]:
    """
    Check the form of the App ID, reach the host, and check the API key if there is one; nothing is written to Heap.

    :param open_client: returns a client for the connection's environment.
    :param conn_id: the connection's ID.
    :return: whether it worked, and a sentence that says why or why not.
    """
    try:
        client = open_client()
    except HeapConfigurationError as error:
        return False, _without_name(error, conn_id)
    environment = client.environment
    try:
        client.ping(TEST_TIMEOUT / 2 if environment.api_key else TEST_TIMEOUT)
        key_problem = _api_key_problem(environment)
    except HeapConfigurationError as error:
        return False, _without_name(error, conn_id)
    except Exception as error:
        return False, f"{environment.base_url} could not be reached: {error}"
    finally:
        client.close()
    if key_problem:
        return False, f"Reached {environment.base_url}, but {key_problem}"
    key = (
        "The API key is right: users can be deleted with it."
        if environment.api_key
        else "There is no API key; only the deletion of users needs one."
    )
    return True, (
        f"Reached {environment.base_url} (region {environment.region}, App ID {environment.app_id}); the App ID "
        "has the right form. Heap offers no way to prove that an App ID exists: compare it with the one that Heap "
        f"shows you. {key}"
    )


def _without_name(error: HeapConfigurationError, conn_id: str) -> str:
    """Return a message without the connection: Airflow's UI tests a copy of it that has a random ID."""
    message = str(error).removeprefix(f"Connection {conn_id!r}: ")
    return message[0].upper() + message[1:]


def _api_key_problem(environment: Environment) -> str | None:
    """Return what is wrong with the API key; None when it is right, or there is none."""
    if not environment.api_key:
        return None
    client = None
    try:
        client = HeapClient(replace(environment.for_deletion(), timeout=TEST_TIMEOUT / 2))
        client.check_api_key()
    except HeapError as error:
        return str(error).removeprefix(f"Connection {environment.name!r}: ")
    finally:
        if client is not None:
            client.close()
    return None
