"""DuckDB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_provider_heap.models.diff.dialects.base import DiffColumn, DiffDialect


class DuckDbDialect(DiffDialect):
    """DuckDB."""

    label = "DuckDB"
    hash_type = "varchar"
    snapshot = ("begin transaction",)
    grant = "a file that is open for writing, with schema {schema}"

    def commit(self, connection: Any) -> None:
        """Commit what was done; a statement outside of a transaction is committed. See :class:`DiffDialect`."""
        try:
            connection.execute("commit")
        except Exception as error:
            if "no transaction is active" not in str(error):
                raise

    def census_key(self, salt: str, columns: Sequence[DiffColumn]) -> str:
        """Return the bytes of the key, which are counted faster than its hash. Parameters: see :class:`DiffDialect`."""
        return f"encode({self.joined(self.key_texts(columns))})"
