"""Ranges of PostgreSQL as the text that the database prints."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

#: Characters that PostgreSQL quotes the text of a bound for.
_QUOTED = re.compile(r'[\s"\\()\[\],]|^$')
#: Fraction of a second without the zeros at its end, and the offset without its minutes if they are zero.
_ZEROS_OF_FRACTION = re.compile(r"(\.\d*?)0+(?=$|[+-])")
_ZERO_MINUTES = re.compile(r"([+-]\d\d):00$")


def range_text(value: Any) -> str:
    """
    Return the text of a range.

    :param value: a range of psycopg or psycopg2.
    """
    if value.isempty:
        return "empty"
    lower, upper = (_bound_text(bound) for bound in (value.lower, value.upper))
    return f"{'[' if value.lower_inc else '('}{lower},{upper}{']' if value.upper_inc else ')'}"


def multirange_text(value: Iterable[Any]) -> str:
    """
    Return the text of a multirange.

    :param value: a multirange of psycopg.
    """
    return f"{{{','.join(map(range_text, value))}}}"


def _bound_text(bound: Any) -> str:
    if bound is None:
        return ""
    text = str(bound)
    if isinstance(bound, datetime):
        text = _ZERO_MINUTES.sub(r"\1", _ZEROS_OF_FRACTION.sub(r"\1", bound.isoformat(sep=" ")))
    if not _QUOTED.search(text):
        return text
    return '"{}"'.format(text.replace("\\", "\\\\").replace('"', '""'))
