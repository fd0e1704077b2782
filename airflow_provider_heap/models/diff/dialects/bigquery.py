"""BigQuery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_provider_heap.models.diff.dialects.base import DiffColumn, DiffDialect

#: Types whose texts are not keys; a key of one is invalid, and its hash must not fail.
_NO_TEXT = ("BYTES", "JSON", "STRUCT", "ARRAY", "GEOGRAPHY", "RANGE", "INTERVAL")


class BigQueryDialect(DiffDialect):
    """
    BigQuery.

    Its JSON has all digits of numbers, moments in UTC, and bytes in Base64. A statement is consistent in itself; there
    are no transactions over several of them on a connection.
    """

    label = "BigQuery"
    quote = "`"
    hash_type = "string"
    integer_type = "int64"
    sent_options = " cluster by heap_key"
    # What a killed run leaves is dropped by the next one; when there is none, it ends by itself.
    changes_options = (
        " cluster by heap_key options(expiration_timestamp = timestamp_add(current_timestamp(), interval 30 day))"
    )
    grant = (
        'grant `roles/bigquery.dataEditor` on schema {schema} to "serviceAccount:<that of the connection>"; '
        "the dataset must be in the location of the rows"
    )

    def commit(self, connection: Any) -> None:
        """Do nothing: each statement has committed itself. Parameters: see :class:`DiffDialect`."""

    def quoted(self, name: str) -> str:
        """Return a name with the quotes of the database. Parameters: see :class:`DiffDialect`."""
        escaped = name.replace("\\", "\\\\").replace("`", "\\`")
        return f"`{escaped}`"

    def table(self, schema: str, name: str) -> str:
        """
        Return the quoted name of a table.

        :param schema: its dataset; the project's name, which may have a dot, may come before it.
        :param name: its own name.
        """
        project, _, dataset = schema.rpartition(".")
        return ".".join(map(self.quoted, (*filter(None, [project]), dataset, name)))

    def key_text(self, column: DiffColumn) -> str:
        """Return the text of a part of a key; 1 and 1.0 are one key. Parameters: see :class:`DiffDialect`."""
        name = self.quoted(column.name)
        if (column.type or "").startswith(_NO_TEXT):
            return f"to_json_string({name})"
        if column.type == "TIMESTAMP":
            return f"string({name}, 'UTC')"
        if column.type == "FLOAT64":
            whole = f"safe_cast({name} as int64)"
            return f"if({name} = {whole}, cast({whole} as string), cast({name} as string))"
        return f"cast({name} as string)"

    def value(self, column: DiffColumn) -> str:
        """Return a column as it counts in the hash of a row. Parameters: see :class:`DiffDialect`."""
        name = self.quoted(column.name)
        # Its text has fewer digits than its coordinates.
        return f"to_hex(st_asbinary({name}))" if column.type == "GEOGRAPHY" else name

    def array(self, values: Sequence[str]) -> str:
        """Return a text that differs where any of the values does. Parameters: see :class:`DiffDialect`."""
        return f"to_json_string(struct({', '.join(values)}))"

    def md5(self, text: str) -> str:
        """Return the MD5 of a text. Parameters: see :class:`DiffDialect`."""
        return f"to_hex(md5({text}))"
