"""
What the SQL of a Look leaves out, checked before it is run.

Looker computes table calculations, totals and filled-in dates from the rows, after the query. Custom fields and custom
filters are part of the SQL (https://cloud.google.com/looker/docs/table-calculations).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models.looker.results import Field
from airflow_provider_heap.wording import counted

if TYPE_CHECKING:
    from looker_sdk.sdk.api40.models import Query

#: The clauses with which SQL limits the number of rows.
_LIMIT = re.compile(
    r"(?:\blimit\s+(\d+)|\bfetch\s+(?:first|next)\s+(\d+)\s+rows?\s+only)\s*;?\s*$"
    r"|^\s*select\s+(?:distinct\s+)?top\s*\(?\s*(\d+)",
    re.IGNORECASE,
)


def check_query(query: Query, limit: int | None, title: str) -> None:
    """
    Refuse a Look whose SQL does not give all that the Look shows.

    :param query: query of the Look.
    :param limit: the limit that the user set.
    :param title: the name of the Look in messages.
    :raises ModelError: with everything that would be lost, and what to do instead.
    """
    if lost := list(_lost(query)):
        raise ModelError(
            f'mode="sql" would lose what Looker adds to the rows of {title} after its query: {"; ".join(lost)}. '
            'Use mode="results", in which Looker computes the rows (totals are left out), or remove it from the Look.'
        )
    saved = str(query.limit or "").strip()
    if limit is None and saved not in ("", "-1"):
        raise ModelError(
            f"{title} has a row limit of {saved} saved, so its SQL stops there and other rows would be missing. "
            f"Choose: limit=-1 for all rows, limit={saved} for these."
        )


def _lost(query: Query) -> Iterator[str]:
    calculations = table_calculations(query)
    if calculations:
        yield f"table calculations ({', '.join(calculations)})"
    if query.total:
        yield "totals"
    if query.row_total and str(query.row_total).lower() not in ("false", "no"):
        yield "row totals"
    if query.subtotals:
        yield f"subtotals ({', '.join(query.subtotals)})"
    if query.fill_fields:
        yield f"filled-in values ({', '.join(query.fill_fields)})"


def table_calculations(query: Query) -> list[str]:
    """
    Return the names of the table calculations of a query.

    :param query: query of a Look.
    """
    try:
        fields = json.loads(query.dynamic_fields or "[]")
    except ValueError:
        fields = []
    names = [
        str(field.get("label") or field.get("table_calculation"))
        for field in fields
        if "table_calculation" in field or field.get("category") == "table_calculation"
        if not field.get("is_disabled")
    ]
    return names or (["unnamed"] if query.has_table_calculations else [])


def check_limit(sql: str, limit: int, title: str) -> None:
    """
    Refuse SQL with another limit than Looker was asked for: not every version of Looker need respect it here.

    :param sql: the SQL that Looker generated.
    :param limit: the limit that it was asked for; -1 for all rows.
    :param title: the name of the Look in messages.
    :raises ModelError: when they differ.
    """
    match = _LIMIT.search(sql)
    if match and (stop := int(next(filter(None, match.groups())))) != limit:
        wanted = "all rows" if limit == -1 else counted(limit, "row")
        raise ModelError(
            f"Looker was asked for the SQL of {title} with {wanted}, and gave SQL that stops at {stop}. "
            'Use mode="results", or change the row limit of the Look.'
        )


def match_fields(columns: Sequence[str], fields: Sequence[Field]) -> list[Field]:
    """
    Return the field of each column. Databases that do not allow a dot in a name have ``users_email`` for
    ``users.email``. A column that is not a field keeps its name.

    :param columns: names of the columns in the database.
    :param fields: fields of the Look.
    """
    by_name = {_comparable(field.name): field for field in fields}
    return [by_name.get(_comparable(column)) or Field(column, column) for column in columns]


def _comparable(name: str) -> str:
    return re.sub(r"\W", "_", name).lower()
