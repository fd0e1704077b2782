"""Drivers of warehouses that hand JSON, arrays and structs over as text, and say so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from airflow_provider_heap.models.drivers.base import ConvertColumn, Driver
from airflow_provider_heap.models.drivers.conversions import decode_json
from airflow_provider_heap.models.parameters import Escape, unescaped

#: Types whose texts are JSON, in lower case.
_JSON = re.compile(r"(json|variant|object|array|map|struct|super|row)\b")


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

    def escape(self, sql: str, parameters: Any) -> Escape:
        """Return what writes SQL around a query; who sets ``paramstyle`` has Snowflake read it. See :class:`Driver`."""
        is_pyformat = getattr(self.connection, "is_pyformat", True)
        return super().escape(sql, parameters) if is_pyformat else unescaped


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
