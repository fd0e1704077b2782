"""Parse flags and numbers of operators, which are text when a template made them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow_provider_heap.exceptions import ModelError

_FLAGS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def is_unset(value: Any) -> bool:
    """
    Return whether a parameter was left out, or its template rendered to nothing.

    :param value: what was given.
    """
    return value is None or (isinstance(value, str) and value.strip() in ("", "None"))


def parse_bool(name: str, value: Any) -> bool:
    """
    Parse yes or no.

    :param name: the parameter's, for the message.
    :param value: a bool, or its text; nothing is no.
    :raises ModelError: when it is neither.
    """
    if is_unset(value):
        return False
    flag = _FLAGS.get(str(value).strip().lower())
    if flag is None:
        raise ModelError(f"{name} must be true or false; found {value!r}.")
    return flag


def parse_int(name: str, value: Any) -> int:
    """
    Parse a whole number.

    :param name: the parameter's, for the message.
    :param value: the number, or its text.
    :raises ModelError: when it is not a whole number.
    """
    try:
        if isinstance(value, bool) or int(value) != float(value):
            raise ValueError
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise ModelError(f"{name} must be a whole number; found {value!r}.") from None


def parse_count_or_share(name: str, value: Any) -> int | float:
    """
    Parse a count of rows, or a share of them.

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
    return number if 0 < number < 1 else parse_int(name, value)


def parse_shares(name: str, value: Any) -> dict[str, float]:
    """
    Parse shares of rows by property.

    :param name: the parameter's, for the message.
    :param value: a dict of numbers, or of their texts.
    :raises ModelError: when it is not such a dict.
    """
    try:
        return {str(key): float(share) for key, share in dict(value).items()}
    except (TypeError, ValueError):
        raise ModelError(f"{name} must be a dict of shares, such as {{'Plan': 0.2}}; found {value!r}.") from None


def parse_days(name: str, value: Any) -> float | None:
    """
    Parse a span of time.

    :param name: the parameter's, for the message.
    :param value: a timedelta, or a number of days or its text; nothing is None.
    :return: seconds.
    :raises ModelError: when it is neither, or not above zero.
    """
    if is_unset(value):
        return None
    try:
        span = value if isinstance(value, timedelta) else timedelta(days=float(value))
    except (TypeError, ValueError, OverflowError):
        span = timedelta(0)
    if isinstance(value, bool) or span <= timedelta(0):
        raise ModelError(f"{name} must be a timedelta, or a number of days; found {value!r}.")
    return span.total_seconds()


def parse_timeout(name: str, value: Any) -> float:
    """
    Parse how long to wait.

    :param name: the parameter's, for the message.
    :param value: a timedelta, or a number of seconds or its text; nothing is 0.
    :return: seconds.
    :raises ModelError: when it is neither, or below zero.
    """
    if is_unset(value):
        return 0.0
    try:
        seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if isinstance(value, bool) or not 0 <= seconds < float("inf"):
        raise ModelError(f"{name} must be a timedelta, or a number of seconds; found {value!r}.")
    return seconds
