"""The docs tell of every parameter and every failure; that their links resolve, ``make docs`` sees to."""

from __future__ import annotations

import inspect
import re

import pytest

from airflow_provider_heap import exceptions
from airflow_provider_heap.hooks.heap import HeapHook
from airflow_provider_heap.operators import delivery
from airflow_provider_heap.operators import heap as operators
from airflow_provider_heap.sandbox import Faults
from scripts import include_code
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


def test_the_parameters_of_every_method_that_sends_records_are_on_their_page():
    [members] = re.findall(r"autoclass:: HeapHook\n   :members: (.*)", page("parameters"))
    methods = [name for name, method in vars(HeapHook).items() if "records" in getattr(method, "__annotations__", {})]
    assert "track" in methods
    assert not [name for name in methods if not name.startswith("_") and name not in members.split(", ")]


@pytest.mark.parametrize("exception", EXCEPTIONS, ids=lambda found: found.__name__)
def test_an_exception_says_what_it_means_and_when_it_comes(exception):
    assert inspect.getdoc(exception)
    assert ".. automodule:: airflow_provider_heap.exceptions\n" in page("failures")
    assert exception is exceptions.HeapError or f"`{exception.__name__}`" in page("failures")


@pytest.mark.parametrize("path", [*include_code.pages()], ids=lambda path: path.name)
def test_code_on_a_page_is_that_of_the_tested_file(path):
    text = path.read_text("utf-8")
    assert text == include_code.filled(text), "run python scripts/include_code.py"
    assert text.count("<!-- code from ") == len(include_code.BLOCK.findall(text)), "a comment that is not understood"


def test_every_fault_of_the_sandbox_is_told():
    assert not [name for name in Faults().as_dict() if f"`{name}`" not in page("sandbox")]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_links_outside_of_the_docs_resolve(name):
    links = re.findall(r"\]\((?!https?://)([^)#]+)", (ROOT / name).read_text())
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


def test_links_to_the_hosted_site_name_pages_that_it_has():
    index, readme = page("index"), (ROOT / "README.md").read_text()
    names = set(re.findall(r"readthedocs\.io/en/latest/([\w-]+)\.html", readme + (ROOT / "setup.cfg").read_text()))
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")} - {"index"}
    assert names <= pages
    # Every page is in the site's navigation, and in the list of the README.
    assert not [name for name in pages if f"\n{name}\n" not in index]
    assert not [name for name in pages if f"/{name}.html" not in readme]


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
    folders = (ROOT / "airflow_provider_heap", ROOT / "tests")
    code = "".join(path.read_text() for folder in folders for path in folder.rglob("*.py"))
    assert len(names) > 8
    assert not [name for name in names if not re.search(rf"\b{name}\b", code)]
