"""
The tables that state is kept in, in a database of the user's own.

Sync keys are kept as hashes, in hexadecimal digits: no collation can take one key for another, they are not personal
data, and every database can index them.
"""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.state.dialects import ASCII_TABLE, TEXT_TABLE, hex_digits

DEFAULT_TABLE = "heap_sync_state"


class Tables:
    """
    Define the tables: ``keys`` has a row for each sync key, with the fingerprint of the item that Heap took last;
    ``syncs`` has a row for each sync and target; ``holders`` has a row for each task instance that runs a sync now.
    ``deletions`` has a row for each deletion request, and is there only where users are deleted: the fingerprint of a
    user's key is the request's hash.

    :param name: name of the table of keys, may be ``schema.table``. The others have the same name with ``_syncs``,
        ``_holders`` and ``_deletions``.
    :raises ModelError: when the name is empty.
    """

    def __init__(self, name: str) -> None:
        schema, _, table = name.strip().rpartition(".")
        if not table:
            raise ModelError(f"state_table must be a table's name, or schema.table; found {name!r}.")
        self.metadata = sa.MetaData(schema=schema or None)
        self.keys = sa.Table(
            table,
            self.metadata,
            # The hash alone is the primary key; it was made with the sync's ID. With an index of two columns and no
            # statistics yet, PostgreSQL would rather scan a whole sync than look up a thousand keys.
            sa.Column("key_hash", hex_digits(32), primary_key=True),
            sa.Column("sync_id", hex_digits(16), nullable=False),
            sa.Column("fingerprint", sa.String(16), nullable=False),
            sa.Column("sent_at", sa.BigInteger, nullable=False),
            **ASCII_TABLE,
        )
        self.syncs = sa.Table(
            f"{table}_syncs",
            self.metadata,
            sa.Column("sync_id", sa.String(16), primary_key=True),
            sa.Column("sync_name", sa.String(500), nullable=False),
            sa.Column("base_url", sa.String(500), nullable=False),
            sa.Column("app_id", sa.String(50), nullable=False),
            sa.Column("object", sa.String(50), nullable=False),
            sa.Column("mapping", sa.String(50)),
            sa.Column("last_run", sa.String(500)),
            sa.Column("last_run_at", sa.BigInteger),
            # For older releases: see the module holders.
            sa.Column("holders", sa.Text, nullable=False),
            sa.Column("turn", sa.BigInteger, nullable=False),
            **TEXT_TABLE,
        )
        self.holders = sa.Table(
            f"{table}_holders",
            self.metadata,
            sa.Column("sync_id", hex_digits(16), primary_key=True),
            sa.Column("holder_id", hex_digits(32), primary_key=True),
            sa.Column("run_hash", hex_digits(16), nullable=False),
            sa.Column("run", sa.String(600), nullable=False),
            sa.Column("instance", sa.String(600), nullable=False),
            sa.Column("turn", sa.BigInteger, nullable=False),
            sa.Column("renewals", sa.BigInteger, nullable=False),
            # Milliseconds since 1970, by the database's clock: those of workers differ.
            sa.Column("renewed_at", sa.BigInteger, nullable=False),
            **TEXT_TABLE,
        )
        self.deletions_metadata = sa.MetaData(schema=schema or None)
        self.deletions = sa.Table(
            f"{table}_deletions",
            self.deletions_metadata,
            sa.Column("sync_id", hex_digits(16), primary_key=True),
            sa.Column("request_hash", hex_digits(16), primary_key=True),
            sa.Column("request_id", sa.String(255), nullable=False),
            sa.Column("users", sa.BigInteger, nullable=False),
            # Seconds since 1970.
            sa.Column("requested_at", sa.BigInteger, nullable=False),
            sa.Column("status", sa.String(50), nullable=False),
            sa.Column("completed_at", sa.BigInteger),
            **TEXT_TABLE,
        )
