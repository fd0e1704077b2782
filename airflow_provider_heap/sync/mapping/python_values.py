"""
Values of other libraries as the plain Python values that they stand for.

numpy, pandas and drivers are not imported for it: their types are known by name, so that nobody needs to install them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from airflow_provider_heap.sync.mapping.columns import Column
from airflow_provider_heap.sync.mapping.ranges import multirange_text, range_text
from airflow_provider_heap.sync.mapping.unreadable import UnreadableValue

#: Types that stand for themselves: most columns hold no others.
_PLAIN = frozenset(
    {str, int, float, bool, type(None), Decimal, datetime, date, time, timedelta, UUID, bytes, dict, list, tuple}
)
#: Units of numpy that are finer than Python's microseconds.
_FINER_UNITS = ("[ns]", "[ps]", "[fs]", "[as]")


def to_python(value: Any) -> Any:
    """
    Return the plain Python value that a value stands for; most stand for themselves.

    :param value: any value; what is inside a container stays as it is.
    """
    value_type: type = type(value)
    convert = _conversion(value_type)
    return value if convert is None else convert(value)


def to_python_column(values: Column) -> tuple[Column, set[type]]:
    """
    Convert a column as :func:`to_python` converts one value.

    :param values: one value a row.
    :return: the plain Python values, and their types.
    """
    types = set(map(type, values))
    if types <= _PLAIN or not any(stands_for_another(value_type) for value_type in types):
        return values, types
    values = list(map(to_python, values))
    return values, set(map(type, values))


def stands_for_another(value_type: type) -> bool:
    """
    Return whether values of a type stand for a plain Python value.

    :param value_type: any type.
    """
    return _conversion(value_type) is not None


@lru_cache(maxsize=1000)
def _conversion(value_type: type) -> Callable[[Any], Any] | None:
    for base in value_type.__mro__:
        library = str(base.__module__).partition(".")[0]
        if convert := _CONVERSIONS.get((library, base.__name__)):
            return convert
    return None


def _null(value: Any) -> None:
    return None


def _ip_text(value: Any) -> str:
    """Return an address as PostgreSQL prints it. Python 3.13 does so too, but those before write ``::ffff:a00:1``."""
    if not (mapped := getattr(value, "ipv4_mapped", None)):
        return str(value)
    _, slash, prefix_length = str(value).partition("/")
    return f"::ffff:{mapped}{slash}{prefix_length}"


def _numpy_time(value: Any) -> Any:
    """Return the date, datetime or timedelta of a datetime64 or timedelta64; None for NaT."""
    plain = value.item()
    if isinstance(plain, int) and value.dtype.str.endswith(_FINER_UNITS):
        plain = value.astype(f"{value.dtype.str[1:3]}[us]").item()
    if isinstance(plain, int):  # what numpy gives where Python has no such date
        return UnreadableValue(f"{type(value).__name__} that Python cannot hold", str(value))
    return plain


def _numpy_list(value: Any) -> Any:
    return list(value) if value.ndim else to_python(value[()])


def _sorted_list(value: Any) -> list[Any]:
    """Return the elements of a set in an order that is the same in every run, so that the item's bytes are."""
    return sorted(value, key=lambda element: (type(element).__name__, str(element)))


#: By library and name of a type or of a type that it inherits from.
_CONVERSIONS: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("pandas", "NaTType"): _null,
    ("pandas", "NAType"): _null,
    ("numpy", "MaskedConstant"): _null,
    ("numpy", "bool"): bool,
    ("numpy", "bool_"): bool,
    ("numpy", "datetime64"): _numpy_time,
    ("numpy", "timedelta64"): _numpy_time,
    ("numpy", "ndarray"): _numpy_list,
    ("builtins", "set"): _sorted_list,
    ("builtins", "frozenset"): _sorted_list,
    ("enum", "Enum"): lambda value: value.value,
    ("ipaddress", "_BaseAddress"): _ip_text,
    ("ipaddress", "_BaseNetwork"): _ip_text,
    ("psycopg", "Range"): range_text,
    ("psycopg", "Multirange"): multirange_text,
    ("psycopg2", "Range"): range_text,
}
