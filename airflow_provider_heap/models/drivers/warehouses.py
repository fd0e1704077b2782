"""Drivers of warehouses that hand JSON, arrays and structs over as text, and say so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from airflow_provider_heap.models.drivers.base import ConvertColumn, Driver
from airflow_provider_heap.models.drivers.conversions import decode_json

#: Types whose texts are JSON, in lower case.
_JSON = re.compile(r"(json|variant|object|array|map|struct|super|row)\b")
#: Redshift's own types, and PostgreSQL's for bytes.
_REDSHIFT_NAMES = {4000: "super", 17: "bytea", 6551: "varbyte"}


class JsonTextDriver(Driver):
    """A driver whose columns of JSON are texts."""

    def converters(self, cursor: Any, types: Sequence[str | None]) -> dict[int, ConvertColumn]:
        """Decode the columns that are declared as JSON. Parameters: see :class:`Driver`."""
        return {place: decode_json for place, name in enumerate(types) if name and _JSON.match(name.lower())}


class Snowflake(JsonTextDriver):
    """snowflake-connector-python: VARIANT, OBJECT and ARRAY are texts of JSON."""

    def type_name(self, code: Any) -> str | None:
        """Return the name of a type. Parameters: see :class:`Driver`."""
        from snowflake.connector.constants import FIELD_ID_TO_NAME

        name = FIELD_ID_TO_NAME.get(code)
        return str(name) if name else None


class NamedTypesDriver(JsonTextDriver):
    """A driver that names the types itself."""

    def type_name(self, code: Any) -> str | None:
        """Return the name of a type. Parameters: see :class:`Driver`."""
        return str(code) if code else None


class DuckDb(NamedTypesDriver):
    """DuckDB: only JSON is a text."""

    def converters(self, cursor: Any, types: Sequence[str | None]) -> dict[int, ConvertColumn]:
        """Decode the columns of JSON. Parameters: see :class:`Driver`."""
        return {place: decode_json for place, name in enumerate(types) if name == "JSON"}


class Trino(NamedTypesDriver):
    """Trino: only JSON is a text; arrays are lists, rows tuples and maps dicts."""

    def converters(self, cursor: Any, types: Sequence[str | None]) -> dict[int, ConvertColumn]:
        """Decode the columns of JSON. Parameters: see :class:`Driver`."""
        return {place: decode_json for place, name in enumerate(types) if name == "json"}


class Databricks(NamedTypesDriver):
    """databricks-sql-connector: VARIANT is a text of JSON, and with old servers ARRAY, MAP and STRUCT are."""


class PyHive(NamedTypesDriver):
    """PyHive, for Hive and Spark: ARRAY, MAP and STRUCT are texts of JSON."""

    def type_name(self, code: Any) -> str | None:
        """Return the name of a type, such as STRUCT for STRUCT_TYPE. Parameters: see :class:`Driver`."""
        return str(code).removesuffix("_TYPE") if code else None


class Redshift(JsonTextDriver):
    """redshift_connector: SUPER is a text of JSON."""

    def type_name(self, code: Any) -> str | None:
        """Return the name of a type. Parameters: see :class:`Driver`."""
        return _REDSHIFT_NAMES.get(code) or super().type_name(code)
