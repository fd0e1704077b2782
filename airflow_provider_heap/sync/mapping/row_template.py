"""A property made of several columns of its row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import SandboxedEnvironment

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.mapping.columns import ColumnIndex
from airflow_provider_heap.sync.mapping.row_errors import RowErrors

_environment = SandboxedEnvironment(
    undefined=StrictUndefined,
    # A null is nothing to read, not the word None.
    finalize=lambda value: "" if value is None else value,
)


@dataclass(frozen=True)
class RowTemplate:
    """
    A Jinja template rendered for each row, with the row's columns as variables. Airflow leaves it alone.

    A null column renders as an empty text; a row that can't be rendered is invalid.

    :param template: such as ``{{ first }} {{ last }}``.
    """

    template: str

    def bind(self, columns: ColumnIndex, role: str) -> BoundTemplate:
        """
        Find the template's columns.

        :param columns: those of the query.
        :param role: what the template is for, for messages.
        :raises ModelError: when the template is no Jinja, or names a column that there isn't.
        """
        try:
            names = find_undeclared_variables(_environment.parse(self.template))
        except TemplateSyntaxError as error:
            raise ModelError(f"{role} has a RowTemplate that is not Jinja: {error.message}.") from None
        wanted = sorted(names - _environment.globals.keys())
        return BoundTemplate(self, {name: columns.find(name, role) for name in wanted})


class BoundTemplate:
    """
    A template that knows where its columns stand. Made by :meth:`RowTemplate.bind`.

    :param template: what the user wrote.
    :param places: the place of each column by the template's name for it.
    """

    def __init__(self, template: RowTemplate, places: dict[str, int]) -> None:
        self._render = _environment.from_string(template.template).render
        self.places = places

    def render(self, chunk: Sequence[Sequence[Any]], size: int, faults: RowErrors) -> list[str | None]:
        """
        Render the template for each row of a chunk.

        :param chunk: the chunk's columns.
        :param size: how many rows it has.
        :param faults: takes the rows that can't be rendered.
        """
        rendered: list[str | None] = []
        for row, values in enumerate(self._values(chunk, size)):
            try:
                rendered.append(self._render(values))
            except Exception:  # whatever the user's expression raises for the values of this row
                faults.add(row, "template_error")
                rendered.append(None)
        return rendered

    def _values(self, chunk: Sequence[Sequence[Any]], size: int) -> Iterator[dict[str, Any]]:
        for row in range(size):
            yield {name: chunk[place][row] for name, place in self.places.items()}
