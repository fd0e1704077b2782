"""
Where the time goes when SQLite compares a million rows of which none has changed: ``python -m benchmarks.sqlite_plan``.

Prints SQLite's plan, and the CPU seconds of the query and of its parts. The table is that of ``benchmarks diff``.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

from airflow_provider_heap.models.diff.dialects.base import DiffColumn
from airflow_provider_heap.models.diff.dialects.sqlite import SqliteDialect
from airflow_provider_heap.models.diff.statements import DiffStatements
from benchmarks import table
from benchmarks.diff import ROWS

COLUMNS = tuple(DiffColumn(name) for name in ("id", *table.COLUMNS))


def main() -> None:
    """Measure and print."""
    table.make_sqlite()
    table.store("sqlite", ROWS)
    dialect = SqliteDialect()
    statements = DiffStatements(
        dialect=dialect,
        sent="temp.sent",
        changes="temp.changes",
        model="select * from accounts",
        columns=COLUMNS,
        key=COLUMNS[:1],
        salts=("aa", "bb"),
    )
    with closing(sqlite3.connect(table.SQLITE)) as connection:
        dialect.prepare(connection)
        key, row = dialect.key_hash("aa", COLUMNS[:1]), dialect.row_hash("bb", COLUMNS)
        connection.execute(statements.create_sent)
        connection.execute(f"insert into temp.sent select {key}, {row}, 0 from accounts order by 1")
        compare = f"select count(*) from ({statements.select_changes(True)})"
        print("\n".join(step for *_, step in connection.execute(f"explain query plan {compare}")), "\n")
        # In no order, as the hashes of a model come.
        connection.execute("create table temp.keys as select heap_key from temp.sent order by heap_row")
        look_up = "select count(s.heap_row) from temp.keys k left join temp.sent s on s.heap_key = k.heap_key"
        for what, statement in {
            "compare": compare,
            "  hash the keys": f"select count({key}) from accounts",
            "  hash the rows": f"select count({row}) from accounts",
            "  look the keys up": look_up,
            "count keys": statements.census([]),
            "for comparison: fetch the rows": "select * from accounts",
        }.items():
            cpu = time.process_time()
            for _ in connection.execute(statement):
                pass
            print(f"{what:<36}{time.process_time() - cpu:>6.2f} CPU s")


if __name__ == "__main__":
    main()
