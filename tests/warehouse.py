"""A small SQLite database for tests."""

from __future__ import annotations

import sqlite3
from contextlib import closing


class Warehouse:
    """
    Tables made of dicts.

    :param path: where the database file stands.
    """

    def __init__(self, path):
        self.path = path

    def table(self, name, rows):
        """
        Make a table.

        :param name: its name.
        :param rows: dicts of the same keys, the columns.
        """
        columns = list(rows[0])
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(f"create table {name} ({', '.join(map(quoted, columns))})")
            connection.executemany(
                f"insert into {name} values ({', '.join('?' * len(columns))})",
                [[row[column] for column in columns] for row in rows],
            )

    def run(self, statement):
        """
        Change something.

        :param statement: SQL.
        """
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(statement)

    def users(self, count, name="users"):
        """
        Make a table of sound users: email, plan, seats, n.

        :param count: how many.
        :param name: the table's name.
        """
        self.table(
            name, [{"email": f"u{n}@example.com", "plan": "pro", "seats": n, "n": n} for n in range(1, count + 1)]
        )


def quoted(name):
    return '"' + name.replace('"', '""') + '"'
