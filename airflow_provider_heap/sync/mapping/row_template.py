"""A property made from several columns of its row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import SandboxedEnvironment

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.mapping.columns import Column, ColumnIndex
from airflow_provider_heap.sync.mapping.row_errors import RowErrors

_environment = SandboxedEnvironment(
    undefined=StrictUndefined,
    # A null renders as nothing, not as the word None.
    finalize=lambda value: "" if value is None else value,
)


@dataclass(frozen=True)
class RowTemplate:
    """
    A Jinja template rendered for each row, with the row's columns as variables. Airflow does not render it.

    A null column renders as an empty text; a row that cannot be rendered is invalid.

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
        try:
            names = find_undeclared_variables(_environment.parse(self.template))
        except TemplateSyntaxError as error:
            raise ModelError(f"{role} has a RowTemplate that is not Jinja: {error.message}.") from None
        wanted = sorted(names - _environment.globals.keys())
        return TemplateReader(self, {name: columns.position(name, role) for name in wanted})


class TemplateReader:
    """
    Renders a template for each row of a chunk. Made by :meth:`RowTemplate.bind`.

    :param template: the template.
    :param variables: position of the column of each variable.
    """

    #: A template is not one column.
    column = None

    def __init__(self, template: RowTemplate, variables: dict[str, int]) -> None:
        self._render = _environment.from_string(template.template).render
        self._variables = variables
        self.positions = frozenset(variables.values())

    def read(self, chunk: Sequence[Column], size: int, errors: RowErrors) -> list[str | None]:
        """
        Return the rendered text of each row.

        :param chunk: columns of the chunk.
        :param size: number of its rows.
        :param errors: receives the rows that cannot be rendered; their text is None.
        """
        texts: list[str | None] = []
        for row, variables in enumerate(self._by_row(chunk, size)):
            try:
                texts.append(self._render(variables))
            except Exception:  # whatever the user's expression raises for the values of this row
                errors.add(row, "template_error", None)
                texts.append(None)
        return texts

    def _by_row(self, chunk: Sequence[Column], size: int) -> Iterator[dict[str, Any]]:
        for row in range(size):
            yield {name: chunk[position][row] for name, position in self._variables.items()}
