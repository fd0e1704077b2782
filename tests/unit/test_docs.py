"""The docs tell of every parameter and every failure; that their links resolve, ``make docs`` sees to."""

from __future__ import annotations

import inspect
import re

import pytest

from airflow_provider_heap import exceptions
from airflow_provider_heap.operators import delivery
from airflow_provider_heap.operators import heap as operators
from airflow_provider_heap.sandbox import Faults
from tests.conftest import ROOT

OPERATORS = [
    found
    for module in (operators, delivery)
    for name, found in vars(module).items()
    if name.startswith("Heap") and name.endswith("Operator")
]
EXCEPTIONS = [found for found in vars(exceptions).values() if inspect.isclass(found) and "heap" in found.__module__]


def page(name):
    """A page of the docs."""
    return (ROOT / "docs" / f"{name}.md").read_text()


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda found: found.__name__)
def test_an_operator_documents_each_of_its_parameters_and_whether_it_is_templated(operator):
    own = {
        name
        for name, parameter in inspect.signature(operator.__init__).parameters.items()
        if name != "self" and parameter.kind is not parameter.VAR_KEYWORD
    }
    documented = dict(re.findall(r":param (\w+): (.*?)(?=\n:|\Z)", inspect.getdoc(operator), flags=re.DOTALL))
    assert set(documented) == own
    templated = {name for name, text in documented.items() if "(templated)" in text}
    assert templated == own & set(operator.template_fields)
    assert f".. autoclass:: {operator.__name__}\n" in page("parameters")


@pytest.mark.parametrize("exception", EXCEPTIONS, ids=lambda found: found.__name__)
def test_an_exception_says_what_it_means_and_when_it_comes(exception):
    assert inspect.getdoc(exception)
    assert ".. automodule:: airflow_provider_heap.exceptions\n" in page("failures")
    assert exception is exceptions.HeapError or f"`{exception.__name__}`" in page("failures")


def test_every_fault_of_the_sandbox_is_told():
    assert not [name for name in Faults().as_dict() if f"`{name}`" not in page("sandbox")]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_links_outside_of_the_docs_resolve(name):
    links = re.findall(r"\]\((?!https?://)([^)#]+)", (ROOT / name).read_text())
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/releasing.md"])
def test_commands_that_contributors_are_told_to_run_exist(name):
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    named = re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / name).read_text(), flags=re.MULTILINE)
    assert named
    assert not set(named) - set(targets)


def test_files_and_names_in_the_recipes_for_contributors_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    paths = re.findall(r"`((?:airflow_provider_heap|tests|docs|dags)/[^`<>]*)`", text)
    assert len(paths) > 20
    assert not [path for path in paths if not (ROOT / path).exists()]
    recipes = text.partition("## How to add")[2].partition("## Pull requests")[0]
    names = [part for name in re.findall(r"`([A-Z_][A-Za-z_.]*)`", recipes) for part in name.split(".")]
    code = "".join(path.read_text() for path in (ROOT / "airflow_provider_heap").rglob("*.py"))
    assert len(names) > 8
    assert not [name for name in names if not re.search(rf"\b{name}\b", code)]
