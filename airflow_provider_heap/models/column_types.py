"""What the names of types, which differ from database to database, say of the values of a column."""

from __future__ import annotations

import re
from typing import Literal

TypeKind = Literal["binary", "boolean", "number", "nested"]

#: By the first word of a name, in lower case. BIT is a number in MySQL alone, and a text in PostgreSQL.
_KINDS: dict[str, TypeKind] = {
    **dict.fromkeys(("binary", "bytea", "bytes", "blob", "varbinary", "varbyte", "image"), "binary"),
    **dict.fromkeys(("bool", "boolean"), "boolean"),
    **dict.fromkeys(("number", "int", "integer", "bigint", "smallint", "tinyint", "hugeint", "fixed"), "number"),
    **dict.fromkeys(("int2", "int4", "int8", "int64", "float", "float4", "float8", "float64", "real"), "number"),
    **dict.fromkeys(("double", "decimal", "numeric", "bignumeric", "longinteger"), "number"),
    **dict.fromkeys(("json", "jsonb", "variant", "object", "array", "map", "struct", "super", "row"), "nested"),
}


def type_kind(name: str | None) -> TypeKind | None:
    """
    Return what is known of the values of a type.

    :param name: the database's name of the type, such as ``varchar(99)``; None when it is not known.
    """
    if name is None:
        return None
    if name.endswith("[]"):
        return "nested"
    word = re.match(r"\w+", name.lower())
    return _KINDS.get(word[0]) if word else None
