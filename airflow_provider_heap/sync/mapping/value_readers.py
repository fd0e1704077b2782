"""Readers: each gives the values of a field or a property, one a row, from the columns of a chunk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.mapping.columns import Column, ColumnIndex
from airflow_provider_heap.sync.mapping.constant import Constant
from airflow_provider_heap.sync.mapping.row_errors import RowErrors
from airflow_provider_heap.sync.mapping.row_template import RowTemplate


class ValueReader(Protocol):
    """What gives the values of a field or a property."""

    @property
    def column(self) -> str | None:
        """Database's name of the column that is read; None when it is not one column."""

    @property
    def positions(self) -> frozenset[int]:
        """Positions of the columns that are read."""

    def read(self, chunk: Sequence[Column], size: int, errors: RowErrors) -> Column:
        """
        Return one value a row.

        :param chunk: columns of the chunk.
        :param size: number of its rows.
        :param errors: receives the rows that have no value because of an error.
        """


class ColumnReader:
    """
    Gives the values of a column.

    :param column: the database's name of the column.
    :param position: where it is in the query.
    """

    def __init__(self, column: str, position: int) -> None:
        self.column = column
        self.positions = frozenset({position})
        self._position = position

    def read(self, chunk: Sequence[Column], size: int, errors: RowErrors) -> Column:
        """Return the column's values. Parameters: see :class:`ValueReader`."""
        return chunk[self._position]


class ConstantReader:
    """
    Gives the same value for every row.

    :param value: the value.
    """

    #: A constant is not a column.
    column = None
    positions: frozenset[int] = frozenset()

    def __init__(self, value: Any) -> None:
        self._value = value

    def read(self, chunk: Sequence[Column], size: int, errors: RowErrors) -> Column:
        """Return the value, once a row. Parameters: see :class:`ValueReader`."""
        return [self._value] * size


def bind_value(value: object, columns: ColumnIndex, role: str) -> ValueReader:
    """
    Return the reader of what the user wrote.

    :param value: a column's name, a Constant or a RowTemplate.
    :param columns: columns of the query.
    :param role: field or property that the value is for, for messages.
    :raises ModelError: when it is none of the three, or needs a column that the query does not have.
    """
    if isinstance(value, str):
        position = columns.position(value, role)
        return ColumnReader(columns.names[position], position)
    if isinstance(value, RowTemplate):
        return value.bind(columns, role)
    if isinstance(value, Constant):
        return ConstantReader(value.value)
    raise ModelError(f"{role} takes a column's name, a Constant or a RowTemplate; found {type(value).__name__}.")
