"""Flags and numbers of operators, which come as text when a template made them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow_provider_heap.exceptions import ModelError

_FLAGS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def is_empty(value: Any) -> bool:
    """
    Tell whether a parameter was left out, or its template rendered to nothing.

    :param value: what was given.
    """
    return value is None or (isinstance(value, str) and value.strip() in ("", "None"))


def flag(name: str, value: Any) -> bool:
    """
    Read yes or no.

    :param name: the parameter's, for the message.
    :param value: a bool, or its text; nothing is no.
    :raises ModelError: when it is neither.
    """
    if is_empty(value):
        return False
    found = _FLAGS.get(str(value).strip().lower())
    if found is None:
        raise ModelError(f"{name} must be true or false; found {value!r}.")
    return found


def whole(name: str, value: Any) -> int:
    """
    Read a whole number.

    :param name: the parameter's, for the message.
    :param value: the number, or its text.
    :raises ModelError: when it is none.
    """
    try:
        if isinstance(value, bool) or int(value) != float(value):
            raise ValueError
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise ModelError(f"{name} must be a whole number; found {value!r}.") from None


def count_or_share(name: str, value: Any) -> int | float:
    """
    Read a count of rows, or a share of them.

    :param name: the parameter's, for the message.
    :param value: the number, or its text; below 1 it is a share.
    :raises ModelError: when it is neither.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, bool) or not number >= 0:
        raise ModelError(f"{name} must be a count of rows, or a share of them below 1; found {value!r}.")
    return number if 0 < number < 1 else whole(name, value)


def shares(name: str, value: Any) -> dict[str, float]:
    """
    Read shares of rows by property.

    :param name: the parameter's, for the message.
    :param value: a dict of numbers, or of their texts.
    :raises ModelError: when it is none.
    """
    try:
        return {str(key): float(share) for key, share in dict(value).items()}
    except (TypeError, ValueError):
        raise ModelError(f"{name} must be a dict of shares, such as {{'Plan': 0.2}}; found {value!r}.") from None


def seconds(name: str, value: Any) -> float | None:
    """
    Read a span of time.

    :param name: the parameter's, for the message.
    :param value: a timedelta, or a number of days or its text; nothing is None.
    :return: seconds.
    :raises ModelError: when it is neither, or not above zero.
    """
    if is_empty(value):
        return None
    try:
        found = value if isinstance(value, timedelta) else timedelta(days=float(value))
    except (TypeError, ValueError, OverflowError):
        found = timedelta(0)
    if isinstance(value, bool) or found <= timedelta(0):
        raise ModelError(f"{name} must be a timedelta, or a number of days; found {value!r}.")
    return found.total_seconds()
