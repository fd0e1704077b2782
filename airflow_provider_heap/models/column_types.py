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
    **dict.fromkeys(("uint8", "uint16", "uint32", "uint64", "uint128", "uint256", "int16", "int32"), "number"),
    **dict.fromkeys(("int128", "int256", "float32", "bfloat16", "decimal32", "decimal64"), "number"),
    **dict.fromkeys(
        ("json", "jsonb", "variant", "object", "array", "map", "struct", "super", "row", "tuple", "nested"), "nested"
    ),
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
    # ClickHouse says of a type that it may be null, and how it is stored.
    word = re.match(r"\w+", re.sub(r"^(?:(?:nullable|lowcardinality)\()+", "", name.lower()))
    return _KINDS.get(word[0]) if word else None
