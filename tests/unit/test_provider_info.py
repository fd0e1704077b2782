"""Airflow finds the provider, and its description is what Airflow's own schemas want."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import json
import subprocess
import sys

import pytest

from airflow_provider_heap.hooks.heap import HeapHook
from airflow_provider_heap.provider_info import FORM, get_provider_info


def test_importing_the_description_imports_nothing_of_airflow_or_requests():
    code = (
        "import sys, airflow_provider_heap.provider_info as info; info.get_provider_info();"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in ('airflow', 'requests', 'msgspec')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_entry_point_gives_the_description():
    [found] = [
        entry
        for entry in importlib.metadata.entry_points(group="apache_airflow_provider")
        if entry.dist and entry.dist.name == "airflow-provider-heap"
    ]
    assert found.load()() == get_provider_info()


def test_the_description_meets_airflows_schema():
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((importlib.resources.files("airflow") / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


@pytest.mark.parametrize("command", ["get airflow-provider-heap --full", "hooks"])
def test_the_command_line_shows_the_provider(command):
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "providers", *command.split(), "-o", "json"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "airflow_provider_heap.hooks.heap.HeapHook" in done.stdout


def test_the_form_of_the_hook_is_the_form_of_the_description():
    [connection_type] = get_provider_info()["connection-types"]
    assert connection_type["ui-field-behaviour"] == FORM
    assert HeapHook.get_ui_field_behaviour() == {
        "hidden_fields": FORM["hidden-fields"],
        "relabeling": FORM["relabeling"],
        "placeholders": FORM["placeholders"],
    }
    assert (connection_type["connection-type"], connection_type["hook-name"]) == (
        HeapHook.conn_type,
        HeapHook.hook_name,
    )
