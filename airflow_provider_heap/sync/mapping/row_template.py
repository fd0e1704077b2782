"""A property made from several columns of its row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING, Any

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.mapping.columns import Column, ColumnIndex
from airflow_provider_heap.sync.mapping.python_values import to_python_column
from airflow_provider_heap.sync.mapping.row_errors import RowErrors
from airflow_provider_heap.sync.mapping.unreadable import UNREADABLE_VALUE, UnreadableValue

if TYPE_CHECKING:
    from jinja2 import nodes
    from jinja2.sandbox import SandboxedEnvironment

#: The filter that writes a value; no template can name it.
_FINALIZE = "finalize value"


@dataclass(frozen=True)
class RowTemplate:
    """
    A Jinja template rendered for each row, with the row's columns as variables. Airflow does not render it.

    A null column renders as an empty text, also where ``~`` joins it; a row that cannot be rendered is invalid.

    :param template: such as ``{{ first }} {{ last }}``.
    """

    template: str

    def bind(self, columns: ColumnIndex, role: str) -> TemplateReader:
        """
        Find the template's columns.

        :param columns: columns of the query.
        :param role: what the template is for, for messages.
        :raises ModelError: when the template is not Jinja, or names a column that the query does not have.
        """
        from jinja2 import TemplateSyntaxError, nodes
        from jinja2.meta import find_undeclared_variables

        try:
            tree = _environment().parse(self.template)
            calls = {id(call.node) for call in tree.find_all(nodes.Call)}
            used_as_values = {name.name for name in tree.find_all(nodes.Name) if id(name) not in calls}
            self_variable = _rename_self(tree)
            names = find_undeclared_variables(tree)
            _finalize_joined(tree)
        except TemplateSyntaxError as error:
            raise ModelError(f"{role} has a RowTemplate that is not Jinja: {str(error.message).rstrip('.')}.") from None
        functions = {name for name in names & _functions().keys() - used_as_values if not columns.has(name)}
        column_names = {name: "self" if name == self_variable else name for name in sorted(names - functions)}
        variables = {variable: columns.position(name, role) for variable, name in column_names.items()}
        return TemplateReader(tree, functions, variables, columns)


class TemplateReader:
    """
    Renders a template for each row of a chunk. Made by :meth:`RowTemplate.bind`.

    :param tree: the parsed template.
    :param functions: names of Jinja's functions that it calls.
    :param variables: position of the column of each variable.
    :param columns: columns of the query.
    """

    #: A template is not one column.
    column = None

    def __init__(
        self, tree: nodes.Template, functions: set[str], variables: dict[str, int], columns: ColumnIndex
    ) -> None:
        template = _environment().from_string(tree, {name: _functions()[name] for name in functions})
        self._render = template.render
        self._variables = variables
        self._columns = columns
        self.positions = frozenset(variables.values())

    def read(self, chunk: Sequence[Column], size: int, errors: RowErrors) -> list[str | None]:
        """
        Return the rendered text of each row.

        :param chunk: columns of the chunk.
        :param size: number of its rows.
        :param errors: receives the rows that cannot be rendered; their text is None.
        """
        texts: list[str | None] = []
        for row, variables in enumerate(self._by_row(chunk, size, errors)):
            try:
                texts.append(self._render(variables))
            except Exception as error:  # whatever the user's expression raises for the values of this row
                detail = str(error) if isinstance(error, NotAValue) else type(error).__name__
                errors.add(row, "template_error", None, detail)
                texts.append(None)
        return texts

    def _by_row(self, chunk: Sequence[Column], size: int, errors: RowErrors) -> Iterator[dict[str, Any]]:
        """Yield the variables of each row. Rows with a value that cannot be read are added to the errors."""
        values = {}
        for name, position in self._variables.items():
            column, types = to_python_column(chunk[position])
            values[name] = column
            if UnreadableValue in types:
                for row, value in enumerate(column):
                    if isinstance(value, UnreadableValue):
                        errors.add(row, UNREADABLE_VALUE, self._columns.names[position], value.detail)
        for row in range(size):
            yield {name: column[row] for name, column in values.items()}


class NotAValue(Exception):
    """An expression whose value has no text of its own, a function for example."""


@cache
def _environment() -> SandboxedEnvironment:
    # DAG files import this module. Jinja is imported only when a task runs.
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, finalize=_finalize)
    # A column may have the name of one of Jinja's functions, so a template gets only those that it calls.
    environment.globals.clear()
    environment.filters[_FINALIZE] = _finalize
    return environment


@cache
def _functions() -> dict[str, Any]:
    """Return Jinja's functions that a template may call. ``lipsum`` is left out: its text is random."""
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return {name: value for name, value in ImmutableSandboxedEnvironment().globals.items() if name != "lipsum"}


def _rename_self(tree: nodes.Template) -> str:
    """Rename the variable ``self``, which Jinja takes for the template itself, and return its new name."""
    from jinja2 import nodes

    names = list(tree.find_all(nodes.Name))
    new_name = "self_"
    while any(name.name == new_name for name in names):
        new_name += "_"
    for name in names:
        if name.name == "self":
            name.name = new_name
    return new_name


def _finalize_joined(tree: nodes.Template) -> None:
    """Write what ``~`` joins as the value of an expression is written. Jinja itself makes the word None of a null."""
    from jinja2 import nodes

    for concat in list(tree.find_all(nodes.Concat)):
        concat.nodes = [nodes.Filter(node, _FINALIZE, [], [], None, None) for node in concat.nodes]


def _finalize(value: Any) -> Any:
    """Return what is written for the value of an expression. A null is nothing, not the word None."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and not isfinite(value)):
        return ""
    if isinstance(value, Decimal):
        return value if value.is_finite() else ""
    if _has_no_text(value):
        raise NotAValue(f"an expression gives an object of type {type(value).__name__}, which has no text of its own")
    return value


def _has_no_text(value: Any) -> bool:
    """Return whether the text of an object would hold its address in memory, another one in every process."""
    text_methods: set[Any] = {type(value).__str__, type(value).__repr__}
    if isinstance(value, Iterator) or text_methods == {object.__str__, object.__repr__}:
        return True
    from jinja2 import Undefined

    # Jinja reports an undefined value itself, when it is written.
    return callable(value) and not isinstance(value, Undefined)
