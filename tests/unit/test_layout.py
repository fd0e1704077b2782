"""
The house rules that can be counted, read from the package's source.

Where a rule does not hold yet, the exception is listed. A listed exception that no longer occurs fails the test too, so
the lists can only shrink.
"""

from __future__ import annotations

import ast

from airflow_provider_heap.api.objects import OBJECTS
from tests.conftest import ROOT

PACKAGE = ROOT / "airflow_provider_heap"
PATHS = sorted(PACKAGE.rglob("*.py"))

MAX_FILE_LINES = 400
MAX_CLASS_LINES = 200
MAX_ARGUMENTS = 6
#: A module of more lines has a test file of its own.
MAX_UNTESTED_LINES = 60

FIELD_NAMES = {field.name for heap_object in OBJECTS for field in heap_object.fields}
DATABASE_NAMES = {"sqlite", "postgresql", "postgres", "mysql", "mariadb", "duckdb", "snowflake", "bigquery", "oracle"}

FIELD_NAMES_ELSEWHERE = {
    # dbt Cloud's account, not Heap's.
    "models/dbt/cloud.py: account_id",
    # When an event happened, for a person who reads the sandbox's summary.
    "sandbox/__main__.py: timestamp",
    # The insert ID's scope, not the field.
    "sync/mapping/field_mapping.py: event",
    "sync/mapping/idempotency.py: event",
}

#: Modules without a test file of their own, and the test that reaches them.
TESTED_ELSEWHERE = {
    "cli/definition.py": "system/test_cli.py",
    "cli/exposures.py": "system/test_dbt.py",
    "cli/preview_table.py": "integration/cli/test_preview.py",
    "exceptions.py": "golden/test_names.py",
    "models/base.py": "system/test_example_dags.py",
    "models/drivers/__init__.py": "unit/models/test_sql.py",
    "models/drivers/base.py": "unit/models/test_sql.py",
    "models/drivers/bigquery.py": "system/test_bigquery.py",
    "sandbox/handler.py": "unit/sandbox/test_server.py",
}


def name_of(path):
    """Return a module's path inside the package."""
    return path.relative_to(PACKAGE).as_posix()


def lines_of(path):
    """Return how many lines a file has."""
    return len(path.read_text("utf-8").splitlines())


def nodes(path, kind):
    """Return the syntax nodes of a kind in a file."""
    return [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, kind)]


def literals(path):
    """Return the texts that a file's code has, docstrings among them."""
    return {node.value for node in nodes(path, ast.Constant) if isinstance(node.value, str)}


def constructor_arguments(node):
    """Return how many arguments the ``__init__`` of a class takes, without ``self``; 0 if it has none."""
    for function in node.body:
        if isinstance(function, ast.FunctionDef) and function.name == "__init__":
            return len(function.args.posonlyargs) + len(function.args.args) + len(function.args.kwonlyargs) - 1
    return 0


def test_no_file_is_longer_than_400_lines():
    assert not [name_of(path) for path in PATHS if lines_of(path) > MAX_FILE_LINES]


def check_exceptions(violations, allowed, name):
    """
    Compare what breaks a rule with the listed exceptions.

    :param violations: what breaks it now.
    :param allowed: what is listed.
    :param name: of the list, for messages.
    """
    new, gone = sorted(set(violations) - set(allowed)), sorted(set(allowed) - set(violations))
    assert not new, f"these break the rule: {new}"
    assert not gone, f"these no longer break the rule, so remove them from {name}: {gone}"


def test_no_class_is_longer_than_200_lines():
    long = {
        f"{name_of(path)}: {node.name}"
        for path in PATHS
        for node in nodes(path, ast.ClassDef)
        if node.end_lineno - node.lineno + 1 > MAX_CLASS_LINES
    }
    assert not long, f"these break the rule: {sorted(long)}"


def test_no_constructor_takes_more_than_six_arguments():
    # An operator's arguments are its parameters: keyword-only, and documented one by one.
    many = [
        f"{name_of(path)}: {node.name}"
        for path in PATHS
        for node in nodes(path, ast.ClassDef)
        if constructor_arguments(node) > MAX_ARGUMENTS and not node.name.endswith("Operator")
    ]
    assert not many


def test_only_the_api_and_the_operators_of_its_objects_name_fields_of_heap():
    named = {
        f"{name_of(path)}: {name}"
        for path in PATHS
        if not name_of(path).startswith("api/") and name_of(path) != "operators/heap.py"
        for name in literals(path) & FIELD_NAMES
    }
    check_exceptions(named, FIELD_NAMES_ELSEWHERE, "FIELD_NAMES_ELSEWHERE")


def test_one_module_of_sync_names_databases():
    naming = [name_of(path) for path in (PACKAGE / "sync").rglob("*.py") if literals(path) & DATABASE_NAMES]
    assert naming == ["sync/state/dialects.py"]


def has_test_file(path):
    """Return whether a module has a test file of its name, in the folder of its folder's name."""
    folder = path.parent.relative_to(PACKAGE)
    file = f"test_{path.stem.strip('_')}.py"
    return any((ROOT / "tests" / kind / folder / file).exists() for kind in ("unit", "integration"))


def test_a_module_of_more_than_60_lines_has_a_test_file_of_its_own():
    untested = {name_of(path) for path in PATHS if lines_of(path) > MAX_UNTESTED_LINES and not has_test_file(path)}
    check_exceptions(untested, TESTED_ELSEWHERE, "TESTED_ELSEWHERE")
    assert not [file for file in TESTED_ELSEWHERE.values() if not (ROOT / "tests" / file).exists()]
