"""The description of this provider for Airflow. Every Airflow process loads it, so it imports nothing."""

from __future__ import annotations

from typing import Any

__all__ = ["get_provider_info"]

CONNECTION_TYPE = "heap"
HOOK_NAME = "Heap"

#: The connection form: Airflow 3.3 reads it from the description below, 2.11 to 3.1 through two methods of the hook.
FORM: dict[str, Any] = {
    # All that is in the extra has a field of its own.
    "hidden-fields": ["extra"],
    "relabeling": {"login": "App ID", "password": "API key", "schema": "Region", "host": "Host (sandbox or proxy)"},
    "placeholders": {
        "login": "the environment ID, digits only",
        "password": "only to delete users",
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


#: The page in Airflow's UI. The API server reads these.
CONFIG: dict[str, Any] = {
    "heap": {
        "description": "The page Heap in Airflow's UI.",
        "options": {
            "page": {
                "description": "Whether the UI has the page.",
                "version_added": "0.1.0",
                "type": "boolean",
                "example": None,
                "default": "True",
            },
            "tabs": {
                "description": "Whether all tasks have a tab Heap, before Airflow 3.4: from there on only syncs have "
                "it, whatever this says.",
                "version_added": "0.1.0",
                "type": "boolean",
                "example": None,
                "default": "False",
            },
            "rejects_roots": {
                "description": "Folders, separated by commas: the page shows rejected rows and requests of dry runs "
                "from files below them, to users who may edit the task instance. Paths or URLs of ObjectStoragePath, "
                "the Airflow connection included. Empty: no file is opened.",
                "version_added": "0.1.0",
                "type": "string",
                "example": "s3://aws_default@my-bucket/heap-rejects",
                "default": "",
            },
        },
    }
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
                "python-modules": [
                    "airflow_provider_heap.operators.heap",
                    "airflow_provider_heap.operators.redrive",
                    "airflow_provider_heap.operators.deletion",
                ],
            }
        ],
        "triggers": [{"integration-name": "Heap", "python-modules": ["airflow_provider_heap.triggers.heap"]}],
        "cli": ["airflow_provider_heap.cli.definition.get_heap_cli_commands"],
        "config": CONFIG,
        "extra-links": [
            "airflow_provider_heap.links.heap.HeapLink",
            "airflow_provider_heap.links.heap.SyncHistoryLink",
        ],
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
