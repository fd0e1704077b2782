"""The rows that Looker gives, read from its answer a row at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import IO, Any

import ijson

from airflow_provider_heap.exceptions import ModelError, ModelUnavailableError

#: Formats that tell the fields beside the rows, the better one first: what holds the rows, and what the fields. Looker
#: calls json_detail legacy; before 24.0 it knows no other
#: (https://cloud.google.com/looker/docs/reference/looker-api/latest/methods/Look/run_look).
FORMATS = {"json_bi": ("rows", "metadata.fields"), "json_detail": ("data", "fields")}


@dataclass(frozen=True)
class Field:
    """
    A column of a Look.

    :param name: such as ``users.email``.
    :param label: what Looker shows, such as ``Users Email``.
    """

    name: str
    label: str


class Results:
    """
    An answer in one of the formats that tell the fields beside the rows.

    :param file: the answer.
    :param result_format: its format.
    :param title: how messages call the Look.
    :raises ModelError: when Looker tells of an error, or the Look has pivots.
    :raises ModelUnavailableError: when the answer breaks off.
    """

    def __init__(self, file: IO[bytes], result_format: str, title: str) -> None:
        self._file, self._title = file, title
        self._rows, fields = FORMATS[result_format]
        if errors := self._first("errors"):
            told = [error.get("message") or "unknown" if isinstance(error, dict) else str(error) for error in errors]
            raise ModelError(f"Looker could not run {title}: {'; '.join(told)}")
        found = self._first(fields) or {}
        if found.get("pivots"):
            raise ModelError(no_pivots(title))
        #: The Look's columns.
        self.fields = [
            Field(field["name"], field.get("label") or field["name"])
            for kind in ("dimensions", "measures", "table_calculations")
            for field in found.get(kind) or []
        ]

    def chunks(self, size: int) -> Iterator[Sequence[Sequence[Any]]]:
        """
        Give the rows.

        :param size: rows at a time.
        """
        names = [field.name for field in self.fields]
        rows = self._read(f"{self._rows}.item")
        first = next(rows, None)
        if first is None:
            return
        if not names or "looker_error" in first:
            raise ModelError(f"Looker could not run {self._title}: {first.get('looker_error') or 'no field is named'}")
        rows = chain([first], rows)
        while chunk := [tuple(_value(row.get(name)) for name in names) for row in islice(rows, size)]:
            yield chunk

    def _first(self, prefix: str) -> Any:
        return next(self._read(prefix), None)

    def _read(self, prefix: str) -> Iterator[Any]:
        self._file.seek(0)
        try:
            yield from ijson.items(self._file, prefix)
        except ijson.JSONError as error:
            raise ModelUnavailableError(
                f"What Looker gave of {self._title} breaks off, or is no JSON ({type(error).__name__})."
            ) from None


def _value(cell: Any) -> Any:
    """Return a cell's value as it is in the database, without what Looker shows for it, its links and its drills."""
    return cell.get("value") if isinstance(cell, dict) and "value" in cell else cell


def column_names(fields: Sequence[Field], by: str, title: str) -> list[str]:
    """
    Return what the columns are called.

    :param fields: of the Look.
    :param by: ``name`` or ``label``.
    :param title: how messages call the Look.
    :raises ModelError: when a label stands for two fields.
    """
    if by == "name":
        return [field.name for field in fields]
    labels = [field.label for field in fields]
    for label, times in Counter(labels).items():
        if times > 1:
            same = ", ".join(repr(field.name) for field in fields if field.label == label)
            raise ModelError(f'The fields {same} of {title} have the same label {label!r}: take by="name".')
    return labels


def no_pivots(title: str) -> str:
    """
    Return why pivots are refused.

    :param title: how messages call the Look.
    """
    return (
        f"{title} has pivots: its columns change with its data, so they can't be mapped to Heap's properties. "
        "Take the pivots out of it, or make a copy without them."
    )
