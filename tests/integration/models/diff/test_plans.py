"""How databases run the statements of a comparison."""

from __future__ import annotations

from airflow_provider_heap.models.diff.dialects.base import DiffColumn
from airflow_provider_heap.models.diff.dialects.mysql import MySqlDialect
from airflow_provider_heap.models.diff.statements import DiffStatements


def test_mariadb_sorts_what_has_changed_and_not_the_whole_model(mariadb):
    mariadb.execute("create table users (email varchar(200), plan longtext)")
    mariadb.execute("insert into users select concat('u', seq), 'pro' from seq_1_to_2000")
    columns = (DiffColumn("email"), DiffColumn("plan"))
    statements = DiffStatements(
        dialect=MySqlDialect(),
        sent="sent",
        changes="changes",
        model="select * from users",
        columns=columns,
        key=columns[:1],
        salts=("aa", "bb"),
    )
    mariadb.execute(statements.create_sent)
    statement = statements.create_changes(compare=True)
    mariadb.execute("explain " + statement.partition(" as ")[2])
    sorted_tables = [row[2] for row in mariadb.fetchall() if "filesort" in (row[9] or "")]
    assert len(sorted_tables) == 1
    assert sorted_tables[0].startswith("<derived")
    mariadb.execute(statement)
    mariadb.execute("select heap_key from changes")
    keys = [key for (key,) in mariadb.fetchall()]
    assert len(keys) == 2000
    assert keys == sorted(keys)
