"""
Names that databases give to the columns of expressions without an alias.

``select count(*)`` is a column ``count(*)``, ``?column?`` or ``f0_``, depending on the database. Heap would keep a
property of that name forever. Only its name tells such a column from one that somebody named. Aliases in words ("Trial
End", "Plan (current)", "first-name", "Signup - source") are not meant.
"""

from __future__ import annotations

import re

from airflow_provider_heap.api.objects import MAX_PROPERTY_LENGTH

#: An identifier as SQL has it, in one case. A capitalised word is more likely part of a name in words.
_IDENTIFIER = r"(?:[a-z_][\w$.]*|[A-Z_][A-Z0-9_$.]*(?![a-z]))"
_OPERAND = rf"(?:{_IDENTIFIER}|\d+(?:\.\d+)?|'[^']*'|\"[^\"]*\"|`[^`]*`)"

_GENERATED = re.compile(
    "|".join(
        [
            r"\s*",  # SQL Server
            r"\?column\?.*",  # PostgreSQL, Redshift, CockroachDB, Vertica
            r"f\d+_",  # BigQuery
            r"_c(?:ol)?\d+",  # Hive, Spark, Trino, Athena
            r"(?i:expr)\$\d+",  # Calcite, Dremio
            r"\$\d+",  # Snowflake's columns of files
            r"(?i:null)|'.*'|\d{1,3}|\d+\.\d+",  # literals: DuckDB, MySQL, Snowflake, SQLite; DB2 counts columns
            # The others print the expression: a function call, a cast, a path, an element, an operator.
            rf"{_IDENTIFIER}\(.*",
            r"(?i:count)\(\*\)",
            r"(?i:case)\b.*\b(?i:when)\b.*\b(?i:end)",
            r"(?i:date|time|timestamp|interval) '.*",
            r"(?i:exists|not exists|\(\s*select)\b.*",
            r"[A-Z_][A-Z0-9_$.]*:[^a-z\s]+",
            rf"{_IDENTIFIER}\[.*\]",
            rf"[-+~] ?{_IDENTIFIER}",
            r".*[\w)\]'\"`]\s*(?:\*|\|\||::|<>|!=|==?)\s*[\w('\"`$-].*",
            r".*->>?\s*['\"\d].*",
            r".*\s(?i:is null|is not null)",
            r".*\s(?i:in) ?\(.*",
            r".*\s(?i:like|ilike|between) ['\d].*",
        ]
    ),
    re.DOTALL,
)
#: Operators that names in words have too. With identifiers of one case alone it is an expression.
_ARITHMETIC = re.compile(rf"[-+~]?{_OPERAND}(?:(?:\s*(?:\+|/|%|<=?|>=?)\s*|\s+-\s+)[-+~]?{_OPERAND})+")
_CALL = re.compile(rf"{_IDENTIFIER}\([^()]*\)")


def is_generated(name: str) -> bool:
    """
    Return whether a database made up the name of a column, because its expression has no alias.

    :param name: name of a column as the query returned it.
    """
    name = name[:MAX_PROPERTY_LENGTH]
    if _GENERATED.fullmatch(name):
        return True
    shorter = None
    while shorter != name:
        shorter, name = name, _CALL.sub("f", name)
    return bool(_ARITHMETIC.fullmatch(name.replace("(", "").replace(")", "").strip()))
