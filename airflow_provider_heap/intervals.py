"""
The time that a run of a DAG covers, also when Airflow gives the run no data interval, or an empty one.

Every template of a sync operator has ``heap_interval``; in other code, call it with Airflow's context.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from jinja2 import pass_context

__all__ = ["Interval", "UtcTime", "heap_interval"]

DOCS = "https://airflow-provider-heap.readthedocs.io/en/latest/incremental.html"

#: What may come between an operator and the literal that it compares with, such as ``timestamp`` or ``cast(``.
_LITERAL = r"\s*[\w (]*'([^']*)'"
_LOWER = re.compile(rf"""([\w."`\[\]]+|\))\s*>=?{_LITERAL}""")
_UPPER = re.compile(rf"""([\w."`\[\]]+|\))\s*<=?{_LITERAL}""")
_BETWEEN = re.compile(rf"""([\w."`\[\]]+|\))\s+between{_LITERAL}\)?\s+and{_LITERAL}""", re.IGNORECASE)


class UtcTime(datetime):
    """A datetime in UTC whose text is ``2026-11-20 09:00:00``, which every database reads."""

    def __str__(self) -> str:
        return self.strftime("%Y-%m-%d %H:%M:%S")

    @classmethod
    def of(cls, moment: datetime) -> UtcTime:
        """
        Convert a datetime, without its fraction of a second.

        :param moment: with a time zone.
        """
        utc = moment.astimezone(UTC)
        return cls.combine(utc.date(), utc.time().replace(microsecond=0), UTC)


@dataclass(frozen=True)
class Interval:
    """
    A span of time.

    :param start: its first moment.
    :param end: the first moment after it.
    """

    start: UtcTime
    end: UtcTime


@pass_context
def heap_interval(
    context: Mapping[str, Any], lookback: timedelta | None = None, overlap: timedelta = timedelta()
) -> Interval:
    """
    Return the time that a run covers.

    It is the run's data interval. Where that is empty, as with ``schedule="@hourly"`` in Airflow 3, it is the time
    between the data intervals of the last successful run and this one. Where there is none, in a run that was triggered
    without a date or by an asset, it ends when the run was created.

    :param context: Airflow's; in a template, Jinja gives it.
    :param lookback: how far a run goes back that has no data interval of any length and knows of no earlier successful
        run; None for everything since 1970.
    :param overlap: how much earlier than that each run starts, for rows that arrive late.
    """
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if not end:
        run = context.get("dag_run")
        end = getattr(run, "run_after", None) or getattr(run, "start_date", None) or datetime.now(UTC)
        start = end
    if start == end:
        start = _previous_end(context) or (end - lookback if lookback is not None else None)
    first = datetime(1970, 1, 1, tzinfo=UTC)
    return Interval(UtcTime.of(min(start - overlap, end) if start else first), UtcTime.of(end))


def empty_interval_warnings(context: Mapping[str, Any], query: str, parameters: object = None) -> tuple[str, ...]:
    """
    Return a warning when a query asks for the rows of a data interval that is empty.

    :param context: Airflow's.
    :param query: the rendered text.
    :param parameters: its rendered bind parameters.
    """
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if not start or start != end or not (_asks_for_nothing(query) or _bound_twice(parameters, start)):
        return ()
    return (
        f"The query can return no rows: it asks for those of this run's data interval, which is empty, at {start}. "
        "In Airflow 3 the intervals of a cron schedule such as '@hourly' are empty. Write {{ heap_interval().start }} "
        "and {{ heap_interval().end }} in the query, or give the DAG a CronDataIntervalTimetable: " + DOCS,
    )


def _previous_end(context: Mapping[str, Any]) -> datetime | None:
    """Return where the data interval of the last successful run ended."""
    try:
        end: datetime | None = context.get("prev_data_interval_end_success")
        return end or None  # a lazy proxy is never None itself
    except AttributeError:  # in a command there is no task process that Airflow could be asked by
        return None


def _asks_for_nothing(query: str) -> bool:
    bounds = set(_LOWER.findall(query)) & set(_UPPER.findall(query))
    return bool(bounds) or any(low == high for _, low, high in _BETWEEN.findall(query))


def _bound_twice(parameters: object, moment: datetime) -> bool:
    """Return whether at least two bind parameters are this moment."""
    values: Sequence[object] = ()
    if isinstance(parameters, Mapping):
        values = list(parameters.values())
    elif isinstance(parameters, Sequence) and not isinstance(parameters, str):
        values = parameters
    return sum(_is_moment(value, moment) for value in values) > 1


def _is_moment(value: object, moment: datetime) -> bool:
    try:
        time = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return (time if time.tzinfo else time.replace(tzinfo=UTC)) == moment
