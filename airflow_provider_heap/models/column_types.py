"""What a driver tells of the types of a query's columns, which differs from driver to driver."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

#: What PEP 249 lets a driver tell types apart by.
_KINDS = ("BINARY", "DATETIME", "NUMBER", "STRING")
#: MySQL gives TEXT and BLOB one code. This flag of a column tells them apart, and not every driver hands it on.
_MYSQL, _BINARY_FLAG = frozenset({"MySQLdb", "pymysql", "mysql"}), 128
#: The names here, and in PostgreSQL, of what has no JSON form.
BINARY = frozenset({"binary", "bytea"})


def types(driver: str, cursor: Any) -> list[str | None]:
    """
    Return the type of each column; None where the driver does not tell.

    :param driver: the driver's module.
    :param cursor: one that a query was run with.
    """
    return list(_types(driver, cursor))


def _types(driver: str, cursor: Any) -> Iterator[str | None]:
    module = sys.modules.get(driver)
    flags = getattr(cursor, "description_flags", None)
    for place, column in enumerate(cursor.description):
        code = column[1]
        if shown := getattr(column, "type_display", None):  # psycopg
            yield str(shown)
            continue
        # Comparing with these objects is how PEP 249 has it: a driver's codes may be anything.
        kind = next((kind for kind in _KINDS if code is not None and getattr(module, kind, None) == code), None)
        if kind == "BINARY" and driver in _MYSQL:
            kind = None if flags is None else "BINARY" if flags[place] & _BINARY_FLAG else "STRING"
        yield kind.lower() if kind else None
