"""Parse parameters of operators, which are text when a template made them, into the settings of a plan."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.plan import DeliverySettings, GuardSettings, StateSettings

if TYPE_CHECKING:
    from airflow_provider_heap.operators.delivery import HeapDeliveryOperator
    from airflow_provider_heap.operators.sync import HeapSyncOperator

_FLAGS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def parse_delivery(operator: HeapDeliveryOperator) -> DeliverySettings:
    """
    Return how the items of a task are delivered.

    :param operator: the task, rendered.
    :raises ModelError: when a parameter can't be right.
    """
    return DeliverySettings(
        batch_size=parse_int("batch_size", operator.batch_size),
        concurrency=parse_int("concurrency", operator.concurrency),
        rate_limit=None if is_unset(operator.rate_limit) else parse_int("rate_limit", operator.rate_limit),
        max_rejected=parse_count_or_share("max_rejected", operator.max_rejected),
        retry_policy=operator.hook.retry_policy,
    )


def parse_state(operator: HeapDeliveryOperator) -> StateSettings | None:
    """
    Return the state that a task keeps; None when it keeps none.

    :param operator: the task, rendered.
    :raises ModelError: when a parameter can't be right.
    """
    if not operator.state_conn_id:
        return None
    return StateSettings(
        conn_id=operator.state_conn_id,
        table=operator.state_table,
        full_sync=parse_bool("full_sync", operator.full_sync),
        retention=parse_days("state_retention", operator.state_retention),
        hold_timeout=parse_timeout("hold_timeout", operator.hold_timeout),
    )


def parse_guards(operator: HeapSyncOperator) -> GuardSettings:
    """
    Return the guards of a task.

    :param operator: the task, rendered.
    :raises ModelError: when a parameter can't be right.
    """

    def given(name: str, parse: Callable[[str, Any], Any], default: Any = None) -> Any:
        value = getattr(operator, name)
        return default if is_unset(value) else parse(name, value)

    return GuardSettings(
        min_rows=given("min_rows", parse_int),
        max_rows=given("max_rows", parse_int),
        max_changed=given("max_changed", parse_count_or_share),
        max_null=given("max_null", parse_shares, {}),
        unique_key=parse_bool("unique_key", operator.unique_key),
    )


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
        raise ModelError(
            f"{name} must be a count of rows, or a share of them below 1; found {value!r}.{_share_of(value)}"
        )
    return number if 0 < number < 1 else parse_int(name, value)


def _share_of(value: Any) -> str:
    """Return how a percentage is written as a share; empty when it is not one."""
    percentage = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", str(value))
    if percentage is None:
        return ""
    share = float(percentage[1]) / 100
    return f" {percentage[1]}% is {share:g}." if share < 1 else ""


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
        hint = next(filter(None, map(_share_of, value.values())), "") if isinstance(value, dict) else ""
        raise ModelError(f"{name} must be a dict of shares, such as {{'Plan': 0.2}}; found {value!r}.{hint}") from None


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
