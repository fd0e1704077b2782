"""The plugin is found, costs nothing where nobody looks at it, and never keeps the API server from starting."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

from airflow_provider_heap.plugin import HeapPlugin
from tests.system.dags import AIRFLOW_2

on_airflow_3 = pytest.mark.skipif(AIRFLOW_2, reason="the UI of Airflow 2 has no place for the page")


def test_airflow_finds_it():
    found = {entry.value for entry in importlib.metadata.entry_points(group="airflow.plugins", name="heap")}
    assert found == {"airflow_provider_heap.plugin:HeapPlugin"}


def test_other_processes_load_nothing_of_the_page():
    program = (
        "import sys\n"
        "from airflow_provider_heap.plugin import HeapPlugin\n"
        "HeapPlugin()\n"
        "print([name for name in sys.modules if name == 'fastapi' or name.startswith('airflow_provider_heap.ui')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@on_airflow_3
def test_the_page_has_an_entry_in_the_menu_and_its_files_below_the_base_path(monkeypatch):
    import airflow.api_fastapi.app  # noqa: F401  it reads the base path once

    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/af/")
    [entry] = HeapPlugin().react_apps
    assert (entry["destination"], entry["category"], entry["url_route"]) == ("nav", "browse", "heap")
    assert entry["bundle_url"] == "https://airflow.example.com/af/heap/static/heap.js"


@on_airflow_3
def test_tabs_are_shown_when_somebody_wants_them_or_airflow_can_limit_them(monkeypatch):
    from airflow.api_fastapi.core_api.datamodels.plugins import ReactAppResponse

    monkeypatch.setenv("AIRFLOW__HEAP__TABS", "True")
    entries = HeapPlugin().react_apps
    assert [entry["destination"] for entry in entries] == ["nav", "task", "task_instance"]
    assert len({entry["url_route"] for entry in entries}) == 3
    assert len({entry["name"] for entry in entries}) == 1
    monkeypatch.delenv("AIRFLOW__HEAP__TABS")
    monkeypatch.setitem(ReactAppResponse.model_fields, "applies_to", None)
    limits = [entry.get("applies_to") for entry in HeapPlugin().react_apps]
    assert limits[0] is None
    assert "HeapUserSyncOperator" in limits[1]["operators"]


def test_the_page_can_be_turned_off(monkeypatch):
    monkeypatch.setenv("AIRFLOW__HEAP__PAGE", "False")
    assert (HeapPlugin().fastapi_apps, HeapPlugin().react_apps) == ([], [])


@on_airflow_3
def test_a_page_that_cannot_be_built_is_left_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "airflow_provider_heap.ui.app", None)
    plugin = HeapPlugin()
    assert (plugin.fastapi_apps, plugin.react_apps) == ([], [])
