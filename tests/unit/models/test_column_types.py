"""The name of a type says what its values are, whatever the database."""

from __future__ import annotations

import pytest

from airflow_provider_heap.models.column_types import type_kind

KINDS = {
    "binary": ["BYTES", "bytea", "BINARY", "varbinary(16)"],
    "number": [
        "INT64",
        "number(38, 0)",
        "Nullable(UInt8)",
        "LowCardinality(Nullable(Int32))",
        "Decimal(18, 2)",
        "FIXED",
    ],
    "boolean": ["BOOL", "Nullable(Bool)"],
    "nested": [
        "JSON",
        "ARRAY<STRING>",
        "Array(Nullable(String))",
        "Map(String, UInt8)",
        "Tuple(a UInt8)",
        "int4[]",
        "STRUCT",
    ],
    None: ["varchar(9)", "STRING", "LowCardinality(String)", "DateTime64(6)", "bit", "", None],
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in KINDS.items() for name in names])
def test_the_kind_of_a_type(kind, name):
    assert type_kind(name) == kind
