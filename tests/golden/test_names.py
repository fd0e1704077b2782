"""Public names, parameters and templated fields stay what they are."""

from __future__ import annotations

import importlib
import inspect

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_heap import exceptions
from airflow_provider_heap.hooks.heap import HeapHook
from airflow_provider_heap.models.dbt import DbtCloudArtifacts, DbtModel
from airflow_provider_heap.models.looker import LookerLook
from airflow_provider_heap.models.sql import SqlModel
from airflow_provider_heap.operators.heap import (
    Constant,
    HeapAccountSyncOperator,
    HeapEventSyncOperator,
    HeapRedriveOperator,
    HeapUserSyncOperator,
)
from airflow_provider_heap.provider_info import get_provider_info
from tests.golden.expectations import check

CLASSES = {
    "airflow_provider_heap.operators.heap": [
        "Constant",
        "HeapAccountSyncOperator",
        "HeapEventSyncOperator",
        "HeapRedriveOperator",
        "HeapSyncOperator",
        "HeapUserDeletionOperator",
        "HeapUserSyncOperator",
        "RowTemplate",
    ],
    "airflow_provider_heap.operators.redrive": ["HeapRedriveOperator"],
    "airflow_provider_heap.operators.deletion": ["HeapUserDeletionOperator"],
    "airflow_provider_heap.triggers.heap": ["HeapDeletionTrigger"],
    "airflow_provider_heap.hooks.heap": ["HeapHook"],
    "airflow_provider_heap.exceptions": [
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
    ],
    "airflow_provider_heap.models": ["Model", "Rows"],
    "airflow_provider_heap.models.sql": ["SqlModel"],
    "airflow_provider_heap.models.dbt": ["DbtCloudArtifacts", "DbtModel"],
    "airflow_provider_heap.models.looker": ["LookerLook"],
    "airflow_provider_heap.links.heap": ["HeapLink", "SyncHistoryLink"],
}
FUNCTIONS = {
    "airflow_provider_heap.assets.heap": ["sanitize_uri", "convert_asset_to_openlineage", "openlineage_dataset"],
    "airflow_provider_heap.provider_info": ["get_provider_info"],
}
METHODS = [
    "add_account_properties",
    "add_user_properties",
    "track",
    "test_connection",
    "get_conn",
    "get_ui_field_behaviour",
]


def parameters(function):
    """Return each parameter of a function with its default."""
    found = inspect.signature(function).parameters.values()
    return {
        one.name: "required" if one.default is one.empty else repr(one.default)
        for one in found
        if one.name != "self" and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    }


def constructor(cls):
    """Return each parameter that a class and our own classes that it derives from take, by name."""
    ours = [one for one in cls.__mro__ if one.__module__.startswith("airflow_provider_heap")]
    found: dict[str, str] = {}
    for one in ours:
        if "__init__" in vars(one):
            found = {**parameters(one.__init__), **found}
    return dict(sorted(found.items())) if len(ours) > 1 else found


def test_public_classes_keep_their_paths_and_parameters():
    check(
        "constructors",
        {
            f"{module}.{name}": constructor(getattr(importlib.import_module(module), name))
            for module, names in CLASSES.items()
            for name in names
            if name != "Model" and module != "airflow_provider_heap.exceptions"
        },
    )
    assert importlib.import_module("airflow_provider_heap.models").Model


def test_public_functions_and_methods_keep_their_parameters():
    found = {
        f"{module}.{name}": parameters(getattr(importlib.import_module(module), name))
        for module, names in FUNCTIONS.items()
        for name in names
    }
    check("functions", found | {f"HeapHook.{name}": parameters(getattr(HeapHook, name)) for name in METHODS})


def test_exceptions_keep_their_names_and_whether_airflow_retries():
    ours = {
        name: one
        for name, one in vars(exceptions).items()
        if isinstance(one, type) and one.__module__ == exceptions.__name__
    }
    assert sorted(ours) == CLASSES["airflow_provider_heap.exceptions"]
    assert all(issubclass(one, exceptions.HeapError) for one in ours.values())
    assert issubclass(exceptions.GateError, exceptions.ModelError)
    assert {name for name, one in ours.items() if not issubclass(one, AirflowFailException)} == {
        "HeapError",
        "HeapUnavailableError",
        "ModelUnavailableError",
        "RejectsError",
        "StateError",
        "SyncRunningError",
        "SyncStoppedError",
    }


def test_operators_and_models_keep_their_templated_fields():
    classes = {
        one.__name__: one
        for one in [
            HeapAccountSyncOperator,
            HeapUserSyncOperator,
            HeapEventSyncOperator,
            HeapRedriveOperator,
            Constant,
            SqlModel,
            DbtModel,
            DbtCloudArtifacts,
            LookerLook,
        ]
    }
    check("templated", {name: sorted(one.template_fields) for name, one in classes.items()})
    assert list(HeapUserSyncOperator.template_ext) == [".sql"]


def test_the_provider_info_stays():
    check("provider info", get_provider_info())
