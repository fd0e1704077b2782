"""A database that is not known, by what the user says of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models.diff.dialects.base import DiffColumn, DiffDialect

#: Where the text is in the expression that hashes it.
PLACE = "{text}"
#: Longer than any text of which Heap keeps all, and what most databases allow.
_TEXT = "varchar(65000)"
#: Trino's type of moments, which it writes with the name of a time zone and without an offset.
_OF_TRINO = re.compile(r"timestamp(\(\d+\))? with time zone")


class OtherDialect(DiffDialect):
    """
    A database that speaks the SQL of the standard. A row is hashed as the texts of its values, each with its length.

    Numbers, moments and long texts are part of its self-test: some databases round or cut them when they write them.

    :param expression: makes 32 hexadecimal digits, the MD5, of ``{text}``.
    """

    label = "others by diff_hash"
    self_test: ClassVar[tuple[str, ...]] = (
        "cast('0.3' as double precision), ''",
        "cast('0.30000000000000004' as double precision), ''",
        "cast('2026-01-02 03:04:05.001' as timestamp), ''",
        "cast('2026-01-02 03:04:05.002' as timestamp), ''",
        f"'{'x' * 2000}', ''",
        f"'{'x' * 2001}', ''",
    )

    def __init__(self, expression: str) -> None:
        super().__init__()
        if PLACE not in expression:
            raise ModelError(
                f"diff_hash is an expression of SQL that makes the MD5 of {PLACE}, 32 hexadecimal digits in lower case,"
                f" such as 'md5({PLACE})'; found {expression!r}."
            )
        self._expression = expression

    def key_text(self, column: DiffColumn) -> str:
        """Return the text of a part of a key; that of a number has no zeros at its end. See :class:`DiffDialect`."""
        text = f"cast({self.quoted(column.name)} as {_TEXT})"
        if (column.type or "").lower().startswith(("numeric", "decimal")):  # 1 and 1.0 are one key
            short = f"trim(trailing '.' from trim(trailing '0' from {text}))"
            return f"case when position('.' in {text}) > 0 then {short} else {text} end"
        return text

    def value(self, column: DiffColumn) -> str:
        """Return a column as it counts in the hash of a row. Parameters: see :class:`DiffDialect`."""
        name = self.quoted(column.name)
        text = f"cast({name} as {_TEXT})"
        kind = (column.type or "").lower()
        if kind.startswith("bool"):  # which some databases can't write as a text
            text = f"case when {name} then 'true' else 'false' end"
        if _OF_TRINO.fullmatch(kind):
            text = f"{text} || ' ' || cast({name} at time zone 'UTC' as {_TEXT})"
        return f"case when {name} is null then '-' else cast(length({text}) as varchar(20)) || ':' || {text} end"

    def array(self, values: Sequence[str]) -> str:
        """Return a text that differs where any of the values does. Parameters: see :class:`DiffDialect`."""
        return " || ".join(values)

    def md5(self, text: str) -> str:
        """Return the MD5 of a text. Parameters: see :class:`DiffDialect`."""
        return f"({self._expression.replace(PLACE, f'({text})')})"
