"""The rows in an answer of Looker, read one at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import IO, Any

import ijson

from airflow_provider_heap.exceptions import ModelError, ModelUnavailableError

#: Formats that have the fields besides the rows, the newer one first; of each the path of the rows and that of the
#: fields. Looker calls json_detail legacy; before 24.0 it knows no other
#: (https://cloud.google.com/looker/docs/reference/looker-api/latest/methods/Look/run_look).
FORMATS = {"json_bi": ("rows", "metadata.fields"), "json_detail": ("data", "fields")}


@dataclass(frozen=True)
class Field:
    """
    A column of a Look.

    :param name: name of the field, such as ``users.email``.
    :param label: the label that Looker shows, such as ``Users Email``.
    """

    name: str
    label: str


class Results:
    """
    An answer in one of the formats that have the fields besides the rows.

    :param file: the answer.
    :param result_format: its format.
    :param title: the name of the Look in messages.
    :raises ModelError: when Looker reports an error, or the Look has pivots.
    :raises ModelUnavailableError: when the answer ends early.
    """

    def __init__(self, file: IO[bytes], result_format: str, title: str) -> None:
        self._file, self._title = file, title
        self._rows, fields = FORMATS[result_format]
        if errors := self._first("errors"):
            messages = [
                error.get("message") or "unknown" if isinstance(error, dict) else str(error) for error in errors
            ]
            raise ModelError(f"Looker could not run {title}: {'; '.join(messages)}")
        by_kind = self._first(fields) or {}
        if by_kind.get("pivots"):
            raise ModelError(pivots_message(title))
        #: The columns of the Look.
        self.fields = [
            Field(field["name"], field.get("label") or field["name"])
            for kind in ("dimensions", "measures", "table_calculations")
            for field in by_kind.get(kind) or []
        ]

    def chunks(self, size: int) -> Iterator[Sequence[Sequence[Any]]]:
        """
        Yield the rows.

        :param size: rows in one chunk.
        :raises ModelError: when Looker reports an error instead of rows.
        :raises ModelUnavailableError: when the answer ends early.
        """
        names = [field.name for field in self.fields]
        rows = self._read(f"{self._rows}.item")
        first = next(rows, None)
        if first is None:
            return
        if not names or "looker_error" in first:
            raise ModelError(f"Looker could not run {self._title}: {first.get('looker_error') or 'it has no fields'}")
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
                f"Looker's answer for {self._title} ends early, or is not JSON ({type(error).__name__})."
            ) from None


def _value(cell: Any) -> Any:
    """Return the value of a cell as it is in the database, without Looker's text, links and drills for it."""
    return cell.get("value") if isinstance(cell, dict) and "value" in cell else cell


def column_names(fields: Sequence[Field], by: str, title: str) -> list[str]:
    """
    Return the names of the columns.

    :param fields: fields of the Look.
    :param by: ``name`` or ``label``.
    :param title: the name of the Look in messages.
    :raises ModelError: when two fields have the same label.
    """
    if by == "name":
        return [field.name for field in fields]
    labels = [field.label for field in fields]
    for label, times in Counter(labels).items():
        if times > 1:
            same = ", ".join(repr(field.name) for field in fields if field.label == label)
            raise ModelError(f'The fields {same} of {title} have the same label {label!r}: use by="name".')
    return labels


def pivots_message(title: str) -> str:
    """
    Return the message that pivots are refused.

    :param title: the name of the Look in messages.
    """
    return (
        f"{title} has pivots: its columns change with its data, so they cannot be mapped to Heap's properties. "
        "Remove the pivots, or make a copy without them."
    )
