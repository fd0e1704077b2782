"""The description of this provider for Airflow. Every Airflow process loads it, so it imports nothing."""

from __future__ import annotations

from typing import Any

__all__ = ["get_provider_info"]

CONNECTION_TYPE = "heap"
HOOK_NAME = "Heap"

#: The connection form: Airflow 3.3 reads it from the description below, 2.11 to 3.1 through two methods of the hook.
FORM: dict[str, Any] = {
    # Heap asks for no password, and all that is in the extra has a field of its own.
    "hidden-fields": ["password", "extra"],
    "relabeling": {"login": "App ID", "schema": "Region", "host": "Host (sandbox or proxy)"},
    "placeholders": {
        "login": "the environment ID, digits only",
        "schema": "us (default) or eu",
        "host": "empty for Heap itself",
        "port": "empty for the default",
    },
}

TIMEOUT_FIELD: dict[str, Any] = {
    "label": "Timeout (seconds)",
    "description": "How long one request to Heap may take. Default 30.",
    "schema": {"type": ["number", "null"], "default": 30, "minimum": 1},
}

ASSET_URIS: dict[str, Any] = {
    "schemes": ["heap"],
    "handler": "airflow_provider_heap.assets.heap.sanitize_uri",
    "to_openlineage_converter": "airflow_provider_heap.assets.heap.convert_asset_to_openlineage",
}


def get_provider_info() -> dict[str, Any]:
    """
    Return the description of this provider; Airflow's entry point ``apache_airflow_provider`` calls this.

    :return: a dict in the form of Airflow's ``provider_info.schema.json``.
    """
    return {
        "package-name": "airflow-provider-heap",
        "name": "Heap",
        "description": "Bring warehouse data into Heap (heap.io): accounts, users and events from any SQL model.",
        "integrations": [
            {
                "integration-name": "Heap",
                "external-doc-url": "https://developers.heap.io/reference",
                "tags": ["service"],
            }
        ],
        "hooks": [{"integration-name": "Heap", "python-modules": ["airflow_provider_heap.hooks.heap"]}],
        "operators": [
            {
                "integration-name": "Heap",
                "python-modules": ["airflow_provider_heap.operators.heap", "airflow_provider_heap.operators.redrive"],
            }
        ],
        "cli": ["airflow_provider_heap.cli.definition.get_heap_cli_commands"],
        "extra-links": ["airflow_provider_heap.links.heap.HeapLink"],
        # Airflow 2 calls assets datasets.
        "asset-uris": [ASSET_URIS],
        "dataset-uris": [ASSET_URIS],
        "connection-types": [
            {
                "connection-type": CONNECTION_TYPE,
                "hook-class-name": "airflow_provider_heap.hooks.heap.HeapHook",
                "hook-name": HOOK_NAME,
                "ui-field-behaviour": FORM,
                "conn-fields": {"timeout": TIMEOUT_FIELD},
            }
        ],
    }
