"""Airflow finds the provider, and its description is what Airflow's own schemas want."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import json
import subprocess
import sys

import jsonschema
import pytest
import yaml

from airflow_provider_heap.hooks.heap import HeapHook
from airflow_provider_heap.operators import heap
from airflow_provider_heap.provider_info import FORM, TIMEOUT_FIELD, get_provider_info
from tests.conftest import ROOT


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


def schema(name):
    """Return one of the JSON schemas that Airflow comes with."""
    path = importlib.resources.files("airflow") / name
    if not path.is_file():
        pytest.skip(f"this Airflow comes without {name}")
    return json.loads(path.read_text())


def test_the_description_meets_airflows_schema():
    jsonschema.validate(get_provider_info(), schema("provider_info.schema.json"))


@pytest.mark.parametrize("part", ["connection-types", "asset-uris", "extra-links", "integrations", "hooks"])
def test_the_parts_meet_the_stricter_schema_of_airflows_own_providers(part):
    """It alone knows the fields of the form that go into the connection's extra."""
    found = schema("provider.yaml.schema.json")["properties"]
    if part not in found or (part == "connection-types" and "conn-fields" not in found[part]["items"]["properties"]):
        pytest.skip("this Airflow knows none of it")
    jsonschema.validate(get_provider_info()[part], found[part])


def test_the_registry_of_providers_is_told_of_every_operator():
    paths = [
        entry["module"].rpartition(".")
        for entry in yaml.safe_load((ROOT / ".airflow-registry.yaml").read_text())["operators"]
    ]
    listed = {getattr(importlib.import_module(module), name) for module, _, name in paths}
    public = {name for name in heap.__all__ if name.startswith("Heap")} - {"HeapSyncOperator"}
    assert listed == {getattr(heap, name) for name in public}


def test_the_form_of_the_hook_meets_the_schema_of_airflow_2():
    jsonschema.validate(HeapHook.get_ui_field_behaviour(), schema("customized_form_field_behaviours.schema.json"))


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


def test_the_fields_of_the_hook_are_the_fields_of_the_description():
    pytest.importorskip("flask_appbuilder", reason="Airflow 3 makes its forms of the description alone")
    [connection_type] = get_provider_info()["connection-types"]
    widgets = HeapHook.get_connection_form_widgets()
    assert connection_type["conn-fields"] == {"timeout": TIMEOUT_FIELD}
    assert widgets.keys() == connection_type["conn-fields"].keys()
    for name, field in connection_type["conn-fields"].items():
        assert widgets[name].args == (field["label"],)
        assert widgets[name].kwargs["description"] == field["description"]


def test_the_ui_of_airflow_3_gets_the_form_without_the_hook_being_imported():
    code = """
import json, sys
from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
[found] = [each for each in HookMetaService.hook_meta_data() if each.connection_type == "heap"]
print("FORM", json.dumps([found.model_dump(), "airflow_provider_heap.hooks.heap" in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if "No module named 'airflow.api_fastapi" in done.stderr:
        pytest.skip("this Airflow has another UI")
    [line] = [line for line in done.stdout.splitlines() if line.startswith("FORM")] or [done.stderr]
    form, imported = json.loads(line.removeprefix("FORM"))
    standard = form["standard_fields"]
    assert not imported
    assert form["hook_name"] == "Heap"
    # Pydantic has a name of its own for this one.
    standard["schema"] = standard.pop("url_schema")
    assert {name: field["title"] for name, field in standard.items() if field and field["title"]} == FORM["relabeling"]
    assert [name for name, field in standard.items() if field and field["hidden"]] == []
    assert list(form["extra_fields"]) == ["timeout"]
