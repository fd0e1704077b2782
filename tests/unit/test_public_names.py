"""What is public is declared: a module with ``__all__`` is listed here, and all other modules are internal."""

from __future__ import annotations

import ast
import importlib

import pytest

from tests.conftest import ROOT

PUBLIC = {
    "airflow_provider_heap.assets.heap": [
        "asset_uri",
        "convert_asset_to_openlineage",
        "openlineage_dataset",
        "sanitize_uri",
    ],
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
    "airflow_provider_heap.hooks.heap": ["HeapHook"],
    "airflow_provider_heap.intervals": ["Interval", "UtcTime", "heap_interval"],
    "airflow_provider_heap.links.heap": ["HeapLink", "SyncHistoryLink"],
    "airflow_provider_heap.models": ["Model", "ReadContext", "Rows"],
    "airflow_provider_heap.models.dbt": ["DbtCloudArtifacts", "DbtModel"],
    "airflow_provider_heap.models.looker": ["LookerLook"],
    "airflow_provider_heap.models.sql": ["SqlModel"],
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
    "airflow_provider_heap.operators.deletion": ["HeapUserDeletionOperator"],
    "airflow_provider_heap.triggers.heap": ["HeapDeletionTrigger"],
    "airflow_provider_heap.operators.redrive": ["HeapRedriveOperator"],
    "airflow_provider_heap.provider_info": ["get_provider_info"],
    "airflow_provider_heap.recap": ["recap_markdown"],
    "airflow_provider_heap.sandbox": ["GUESSES", "Faults", "Sandbox"],
}


def modules_with_all():
    """Yield the module of each file of the package that has ``__all__``, outside ``api`` and ``sync``."""
    for path in sorted((ROOT / "airflow_provider_heap").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        targets = (node.targets for node in ast.parse(path.read_text()).body if isinstance(node, ast.Assign))
        names = {target.id for found in targets for target in found if isinstance(target, ast.Name)}
        if "__all__" in names and parts[1] not in ("api", "sync"):
            yield ".".join(part for part in parts if part != "__init__")


@pytest.mark.parametrize(("module", "names"), PUBLIC.items())
def test_a_public_module_declares_its_names(module, names):
    imported = importlib.import_module(module)
    assert imported.__all__ == names
    for name in names:
        assert hasattr(imported, name)


def test_every_module_that_declares_names_is_listed():
    assert set(modules_with_all()) == set(PUBLIC)
