"""Imports run one way, and a DAG file that is parsed does not load what only a run needs."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.dags import AIRFLOW_2

PACKAGE = Path(__file__).parents[2] / "airflow_provider_heap"

#: The parts of this package that a folder may import, beside itself, ``exceptions`` and ``wording``.
MAY_IMPORT = {
    "api": set(),
    "sync": {"api"},
    "sandbox": {"api"},
}
#: The parts that a folder must not import.
MUST_NOT_IMPORT = {
    "models": {"operators", "cli", "sandbox"},
    "hooks": {"operators", "cli", "sandbox"},
    "assets": {"operators", "cli", "sandbox", "hooks", "models", "sync"},
    "links": {"operators", "cli", "sandbox", "hooks", "models", "sync"},
    "operators": {"cli", "sandbox"},
}


def imported(path):
    """Return the modules that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are absolute"
            yield node.module
            if node.module == "airflow_provider_heap":
                yield from (f"{node.module}.{alias.name}" for alias in node.names if alias.name != "__version__")


def files_of(folder):
    return sorted((PACKAGE / folder).rglob("*.py"))


def parts_imported(path):
    """Return the parts of this package that a file imports, such as ``api``."""
    names = (name.split(".") for name in imported(path))
    return {name[1] for name in names if name[0] == "airflow_provider_heap" and len(name) > 1}


@pytest.mark.parametrize("folder", ["api", "sync", "sandbox"])
def test_what_knows_nothing_of_airflow_imports_nothing_of_it(folder):
    for path in files_of(folder):
        assert not [name for name in imported(path) if name.split(".")[0] == "airflow"], path


@pytest.mark.parametrize(("folder", "allowed"), MAY_IMPORT.items())
def test_a_folder_imports_only_what_is_below_it(folder, allowed):
    for path in files_of(folder):
        assert parts_imported(path) <= {folder, "exceptions", "wording", *allowed}, path


@pytest.mark.parametrize(("folder", "forbidden"), MUST_NOT_IMPORT.items())
def test_a_folder_imports_nothing_that_is_above_it(folder, forbidden):
    for path in files_of(folder):
        assert not parts_imported(path) & forbidden, path


def test_the_exceptions_import_one_thing_of_airflow():
    assert [name for name in imported(PACKAGE / "exceptions.py") if name.split(".")[0] == "airflow"] == [
        "airflow.providers.common.compat.sdk"
    ]


def loaded_on_top_of_base_operator(*modules):
    """Import modules in a new process; return what they load that ``BaseOperator`` has not loaded."""
    program = (
        "import json, sys\n"
        "from airflow.providers.common.compat.sdk import BaseOperator\n"
        "before = set(sys.modules)\n"
        f"import {', '.join(modules)}\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(AIRFLOW_2, reason="Airflow 2 loads fewer libraries itself")
def test_a_dag_file_loads_no_library_for_the_operators_and_models():
    loaded = loaded_on_top_of_base_operator(
        "airflow_provider_heap.operators.heap",
        "airflow_provider_heap.models.dbt",
        "airflow_provider_heap.models.looker",
    )
    libraries = {name.split(".")[0] for name in loaded} - {"airflow_provider_heap", "airflow", *sys.stdlib_module_names}
    # Of Jinja, BaseOperator has loaded all but one small module.
    assert libraries <= {"jinja2"}
    assert not [name for name in loaded if name.startswith("airflow.providers.common.sql")]


def test_the_provider_info_loads_nothing():
    loaded = loaded_on_top_of_base_operator("airflow_provider_heap.provider_info")
    assert [name for name in loaded if not name.startswith("airflow_provider_heap")] == []
