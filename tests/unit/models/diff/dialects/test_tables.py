"""The statements that most databases have for the tables of a comparison."""

from __future__ import annotations

from airflow_provider_heap.models.diff.dialects.mysql import MySqlDialect
from airflow_provider_heap.models.diff.dialects.postgres import PostgresDialect


class Session:
    """Takes statements."""

    def __init__(self):
        self.statements = []

    def run(self, statement, action):
        """Take a statement."""
        self.statements.append(statement)


def test_rows_are_deleted_added_and_tables_dropped_by_one_statement_each():
    dialect, session = MySqlDialect(), Session()
    dialect.delete(session, "s", "sent_at < 5")
    dialect.delete_keys(session, "s", "select heap_key from c")
    dialect.add(session, "s", dialect.values(["'a', 'b', 1", "'c', 'd', 2"]))
    dialect.drop(session, "c")
    dialect.drop_sent(session, "s")
    assert session.statements == [
        "delete from s where sent_at < 5",
        "delete s from s s join (select heap_key from c) c on c.heap_key = s.heap_key",
        "insert ignore into s (heap_key, heap_row, sent_at) values ('a', 'b', 1), ('c', 'd', 2)",
        "drop table if exists c",
        "drop table if exists s",
    ]


def test_each_run_has_a_token_of_its_own():
    assert PostgresDialect().token != PostgresDialect().token
