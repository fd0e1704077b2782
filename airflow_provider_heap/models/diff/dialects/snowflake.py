"""Snowflake."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from airflow_provider_heap.models.diff.dialects.base import MAX_ARGUMENTS, DiffColumn, DiffDialect

#: A name that needs no quotes, in which case Snowflake reads it in upper case; and one in its quotes.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_PART = re.compile(r'"(?:[^"]|"")*"|[^."]+')

_MOMENT = "'YYYY-MM-DD HH24:MI:SS.FF9'"
#: Texts that differ where the values do, whatever the session's settings are, by the driver's name of the type. Types
#: that are not here have one form only.
_TEXTS = {
    "DATE": "to_varchar({}, 'YYYY-MM-DD')",
    "TIME": "to_varchar({}, 'HH24:MI:SS.FF9')",
    "TIMESTAMP": "to_varchar({}, 'YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM')",
    "TIMESTAMP_NTZ": f"to_varchar({{}}, {_MOMENT})",
    "TIMESTAMP_LTZ": f"to_varchar(convert_timezone('UTC', {{}}), {_MOMENT})",
    "TIMESTAMP_TZ": "to_varchar({}, 'YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM')",
    "BINARY": "hex_encode({})",
    "VARIANT": "to_json({})",
    "OBJECT": "to_json(cast({} as variant))",
    "ARRAY": "to_json(cast({} as variant))",
    "MAP": "to_json(cast({} as variant))",
    "VECTOR": "to_json(cast(to_array({}) as variant))",
    "GEOGRAPHY": "hex_encode(st_asewkb({}))",
    "GEOMETRY": "hex_encode(st_asewkb({}))",
    "FIXED": "to_varchar({})",
    "BOOLEAN": "to_varchar({})",
    # A float is written with 15 digits or so: the rest is what it differs by from the number that they mean.
    "REAL": "to_varchar({0}) || ' ' || coalesce(to_varchar({0} - try_to_double(to_varchar({0}))), '')",
}


class SnowflakeDialect(DiffDialect):
    """
    Snowflake.

    A row is hashed as its values' texts, each with its length before it: a float in a VARIANT would lose digits, and a
    NULL in an array is not JSON.
    """

    label = "Snowflake"
    # What can be made again by one full send needs no fail-safe, which would be billed.
    create = "create transient table"
    grant = (
        "grant usage, create table on schema {schema} to role <the role of the connection>, and usage on its database"
    )

    def prepare(self, connection: Any) -> None:
        """Have each statement commit itself: a worker that stands still keeps no locks. See :class:`DiffDialect`."""
        connection.autocommit(True)

    def commit(self, connection: Any) -> None:
        """Do nothing: each statement has committed itself. Parameters: see :class:`DiffDialect`."""

    def table(self, schema: str, name: str) -> str:
        """
        Return the quoted name of a table. As Snowflake reads names: without quotes they are in upper case.

        :param schema: its schema; with a dot, the database's name comes first.
        :param name: its own name.
        """
        return ".".join(self.quoted(_as_read(part)) for part in (*_PART.findall(schema), name))

    def key_text(self, column: DiffColumn) -> str:
        """Return the text of a part of a key; 1 and 1.0 are one key. Parameters: see :class:`DiffDialect`."""
        text, name = self._text(column), self.quoted(column.name)
        if column.type in ("FIXED", "REAL"):  # a fraction is not a key
            whole = f"{name} = floor({name}) and abs({name}) < 1e37"
            # Whatever is computed first, nothing that is not whole is converted.
            return f"iff({whole}, to_varchar(cast(iff({whole}, {name}, 0) as number(38, 0))), {text})"
        return text

    def value(self, column: DiffColumn) -> str:
        """Return a column as it counts in the hash of a row. Parameters: see :class:`DiffDialect`."""
        text = self._text(column)
        return f"coalesce(length({text}) || ':' || {text}, '-')"

    def array(self, values: Sequence[str]) -> str:
        """Return a text that differs where any of the values does. Parameters: see :class:`DiffDialect`."""
        if len(values) > MAX_ARGUMENTS:
            return super().array(values)
        return f"concat({', '.join(values)})"

    def _text(self, column: DiffColumn) -> str:
        name = self.quoted(column.name)
        # A column may have a collation; texts of different ones can't be put together.
        return _TEXTS.get(column.type or "", "collate(to_varchar({}), '')").format(name)


def _as_read(name: str) -> str:
    if name.startswith('"') and name.endswith('"') and len(name) > 1:
        return name[1:-1].replace('""', '"')
    return name.upper() if _PLAIN.fullmatch(name) else name
