"""Ask a database which columns a query has, without reading a row."""

from __future__ import annotations

import re

from airflow_provider_heap.models.base import Model, ReadContext, Rows
from airflow_provider_heap.models.sql import SqlModel
from airflow_provider_heap.models.statement import first_word

#: What SQLite makes of the second of two columns of one name in a nested query.
_RENAMED = re.compile(r":\d+$")


def query_columns(model: Model, sql: str | None, context: ReadContext) -> Rows:
    """
    Return the columns and types of a model, without rows; without types where nobody tells them.

    :param model: the model.
    :param sql: its query; None for a model that has none.
    :param context: what it needs to read its rows.
    :raises ModelError: when there is nothing to read rows from; and what the database raises.
    """
    asked: list[Model] = [SqlModel(sql).without_rows()] if sql else []
    # Some databases don't nest every query. What isn't a SELECT is not run for a look at it.
    if not sql or first_word(sql) in ("select", "with"):
        asked.append(model)
    for one in asked:
        is_last = one is asked[-1]
        try:
            with one.open(context) as rows:
                if not is_last and any(map(_RENAMED.search, rows.columns)):
                    continue
                return Rows(rows.columns, [], rows.types)
        except Exception:
            if is_last:
                raise
    raise AssertionError
