"""
Where rows come from. A model has one duty: to give column names and chunks of rows.

Anything with an ``open`` like :class:`Model`'s is a model; make it a frozen dataclass without secrets, because Airflow
serializes the arguments of operators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook


#: Rows, each with one value a column.
Chunk = Sequence[Sequence[Any]]


@dataclass(frozen=True)
class ReadContext:
    """
    Everything a model needs to read its rows.

    :param get_db_hook: returns the hook of ``sql_conn_id``.
    :param parameters: bind parameters of the query.
    :param fetch_size: rows in one chunk.
    """

    get_db_hook: Callable[[], DbApiHook]
    parameters: Sequence[Any] | Mapping[str, Any] | None = None
    fetch_size: int = 10_000


@dataclass(frozen=True)
class Rows:
    """
    The result of a model.

    :param columns: names, in order.
    :param chunks: lists of rows, each row with one value per column.
    :param types: the database's name for the type of each column; None where its driver does not report it. May be
        empty.
    """

    columns: Sequence[str]
    chunks: Iterable[Chunk]
    types: Sequence[str | None] = ()


class Model(Protocol):
    """
    Something that rows can be read from.

    It may also have ``describe(sql_conn_id)``, which returns its name in messages, such as ``dbt model 'dim_users'
    (connection 'warehouse')``, and ``template_fields``, the names of its fields that are rendered.
    """

    def open(self, source: ReadContext) -> AbstractContextManager[Rows]:
        """
        Start to read; the context ends after the last row, or when the run ends early.

        :param source: what the model needs to read.
        :raises ModelError: when there is nothing to read rows from.
        """
        ...
