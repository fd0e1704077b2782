"""ClickHouse, through either of its clients."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from airflow_provider_heap.models.diff.dialects.base import MAX_ARGUMENTS, DiffColumn, DiffDialect

if TYPE_CHECKING:
    from airflow_provider_heap.models.diff.session import Session

#: Names of fields and values of enumerations in the name of a type: what is in quotes is left as it is.
_IN_QUOTES = r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`"
_MOMENT = re.compile(rf"{_IN_QUOTES}|\bDateTime64\((?P<digits>\d)(?:, *'[^']*')?\)|\bDateTime\b(?:\('[^']*'\))?")
#: The type of what is always null or empty; no table can have it.
_NOTHING = re.compile(rf"{_IN_QUOTES}|\bNothing\b")


class ClickHouseDialect(DiffDialect):
    """ClickHouse from 24.4 on."""

    label = "ClickHouse"
    quote = "`"
    hash_type = "String"
    integer_type = "Int64"
    sent_options = " engine = MergeTree order by heap_key"
    changes_options = " engine = MergeTree order by heap_key settings allow_nullable_key = 1"
    # What a join does not find is the default value, unless a setting says otherwise; the model may rely on either.
    absent = "coalesce(s.heap_key, '') = ''"
    grant = "grant create table, drop table, select, insert, alter delete on {schema}.* to <the user of the connection>"

    def quoted(self, name: str) -> str:
        """Return a name with backticks. Parameters: see :class:`DiffDialect`."""
        return f"`{_escaped(name, '`')}`"

    def delete(self, session: Session, table: str, where: str) -> None:
        """Delete what is recorded, and wait until no query sees it any more. Parameters: see :class:`DiffDialect`."""
        session.run(f"delete from {table} where {where} settings lightweight_deletes_sync = 2", "delete rows")

    def values(self, records: Sequence[str]) -> str:
        """Return rows, in a form that no client takes for data of its own. Parameters: see :class:`DiffDialect`."""
        structure = "heap_key String, heap_row String, sent_at Int64"
        return f"select * from values('{structure}', {', '.join(f'({record})' for record in records)})"

    def separator(self) -> str:
        """Return the character between the parts of a key."""
        return "char(31)"

    def key_text(self, column: DiffColumn) -> str:
        """Return the text of a part of a key; that of a number has no zeros at its end. See :class:`DiffDialect`."""
        text = f"toString({self.value(column)})"
        kind = column.type or ""
        if "Decimal" in kind:  # 1 and 1.0 are one key
            return rf"if(position({text}, '.') > 0, replaceRegexpOne({text}, '[.]?0+$', ''), {text})"
        if "FixedString" in kind:
            return rf"replaceRegexpOne({text}, '\\0+$', '')"
        return text

    def stored(self, column: DiffColumn) -> str:
        """Return a column as a table of changes can hold it. Parameters: see :class:`DiffDialect`."""
        return _cast(super().stored(column), column.type, _NOTHING, lambda match: "String")

    def value(self, column: DiffColumn) -> str:
        """Return a column, its moments in UTC, where no two have one text. Parameters: see :class:`DiffDialect`."""
        return _cast(self.quoted(column.name), column.type, _MOMENT, _in_utc)

    def joined(self, texts: Sequence[str]) -> str:
        """Return texts as one text; null when one of them is. Parameters: see :class:`DiffDialect`."""
        return f"concat({', '.join(texts)})"

    def array(self, values: Sequence[str]) -> str:
        """Return a text that differs where any of the values does. Parameters: see :class:`DiffDialect`."""
        if len(values) > MAX_ARGUMENTS:
            return super().array(values)
        return f"toJSONString(tuple({', '.join(values)}))"

    def md5(self, text: str) -> str:
        """Return the MD5 of a text. Parameters: see :class:`DiffDialect`."""
        return f"lower(hex(MD5({text})))"


def _in_utc(match: re.Match[str]) -> str:
    return f"DateTime64({match['digits']}, 'UTC')" if match["digits"] else "DateTime('UTC')"


def _cast(value: str, kind: str | None, pattern: re.Pattern[str], change: Callable[[re.Match[str]], str]) -> str:
    """Return a value as one of a type that differs where a pattern is found, but for what is in quotes."""
    kind = kind or ""
    wanted = pattern.sub(lambda match: match[0] if match[0][0] in "'`" else change(match), kind)
    return value if wanted == kind else f"cast({value}, '{_escaped(wanted, chr(39))}')"


def _escaped(text: str, quote: str) -> str:
    """Return what is in the quotes of a name or a text."""
    # A client takes what is in braces for a parameter, also in quotes.
    return text.replace("\\", "\\\\").replace(quote, f"\\{quote}").replace("{", "\\x7B")
