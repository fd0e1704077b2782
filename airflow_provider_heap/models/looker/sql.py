"""
What the SQL of a Look leaves out, told before it is run.

Looker computes table calculations, totals and filled-in dates from the rows, after the query; custom fields and custom
filters are part of the SQL (https://cloud.google.com/looker/docs/table-calculations).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models.looker.results import Field

if TYPE_CHECKING:
    from looker_sdk.sdk.api40.models import Query

#: How databases are told to stop after some rows.
_LIMIT = re.compile(
    r"(?:\blimit\s+(\d+)|\bfetch\s+(?:first|next)\s+(\d+)\s+rows?\s+only)\s*;?\s*$"
    r"|^\s*select\s+(?:distinct\s+)?top\s*\(?\s*(\d+)",
    re.IGNORECASE,
)


def check(query: Query, limit: int | None, title: str) -> None:
    """
    Refuse a Look that is more than its SQL.

    :param query: of the Look.
    :param limit: what the user set.
    :param title: how messages call the Look.
    :raises ModelError: with everything that would be lost, and the ways out.
    """
    if lost := list(_lost(query)):
        raise ModelError(
            f'mode="sql" would lose what Looker adds to the rows of {title} after its query: {"; ".join(lost)}. '
            'Take mode="results", in which Looker computes the rows (totals are left out), or remove it from the Look.'
        )
    saved = str(query.limit or "").strip()
    if limit is None and saved not in ("", "-1"):
        raise ModelError(
            f"{title} has a row limit of {saved} saved, so its SQL stops there and other rows would be missing. "
            f"Say which you want: limit=-1 for all rows, limit={saved} for these."
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
    Return the names of a query's table calculations.

    :param query: of a Look.
    """
    try:
        found = json.loads(query.dynamic_fields or "[]")
    except ValueError:
        found = []
    names = [
        str(field.get("label") or field.get("table_calculation"))
        for field in found
        if "table_calculation" in field or field.get("category") == "table_calculation"
        if not field.get("is_disabled")
    ]
    return names or (["unnamed"] if query.has_table_calculations else [])


def check_limit(sql: str, limit: int, title: str) -> None:
    """
    Refuse SQL that stops at another row than was asked for: not every Looker need honour the limit here.

    :param sql: what Looker gave.
    :param limit: what it was asked for; -1 for all rows.
    :param title: how messages call the Look.
    :raises ModelError: when they differ.
    """
    found = _LIMIT.search(sql)
    stops = int(next(filter(None, found.groups()))) if found else -1
    if found and stops != limit:
        asked = "all rows" if limit == -1 else f"{limit} rows"
        raise ModelError(
            f"Looker was asked for the SQL of {title} with {asked}, and gave SQL that stops at {stops}. "
            'Take mode="results", or change the row limit of the Look.'
        )


def named(columns: Sequence[str], fields: Sequence[Field]) -> list[Field]:
    """
    Return the fields that the columns of the SQL stand for: databases that allow no dot call ``users.email``
    ``users_email``. A column that is no field keeps its name.

    :param columns: what the database calls them.
    :param fields: of the Look.
    """
    known = {_plain(field.name): field for field in fields}
    return [known.get(_plain(column)) or Field(column, column) for column in columns]


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name).lower()
