"""The tables that are synced: their values change, go back, leave and return."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

from tests.chaos.databases import Database

PLANS = ("free", "pro", "team")
#: Rows that are added at a time.
GROWTH = 100
NOTES = (None, "called", "ünïcode ☎")


@dataclass(frozen=True)
class Row:
    """A row; it has few possible values, so that a change often goes back to what was there before."""

    n: int
    key: str | None
    plan: str
    seats: int
    note: str | None
    present: bool = True

    @property
    def cells(self) -> dict[str, Any]:
        """What Heap must hold: NULL is sent as an empty text."""
        return {"plan": self.plan, "seats": self.seats, "note": self.note or ""}


class Table:
    """
    A table of accounts, users or events in SQLite.

    :param path: the database.
    :param name: the table's name.
    :param size: number of rows.
    :param chance: chooses the first values.
    :param database: keeps a copy of the rows, and compares them, where it does; no key comes twice then.
    """

    def __init__(self, path: Path, name: str, size: int, chance: random.Random, database: Database) -> None:
        self._path = path
        self._database = database
        self.name = name
        self.rows = [self._row(n, chance) for n in range(size)]
        self._before = self.rows
        with closing(sqlite3.connect(path, timeout=60)) as connection:
            connection.execute(
                "pragma journal_mode = wal"
            )  # a process that stands still while it reads locks nobody out
        self._write(self.rows)

    def change(self, chance: random.Random) -> str:
        """
        Change something, and return what.

        :param chance: chooses it.
        """
        rows, kind = (
            self.rows,
            chance.choice(["some", "many", "all", "go back", "go back", "leave", "return", "nothing"]),
        )
        if kind == "go back":
            rows = [*self._before, *rows[len(self._before) :]]
        elif kind == "return":
            rows = [replace(row, present=True) for row in rows]
        elif kind == "leave":
            rows = [replace(row, present=row.present and chance.random() > 0.2) for row in rows]
        elif kind == "grow":
            rows = rows + [self._row(n, chance) for n in range(len(rows), len(rows) + GROWTH)]
        elif kind != "nothing":
            share = {"some": 0.02, "many": 0.4, "all": 1.0}[kind]
            rows = [self._changed(row, chance) if chance.random() < share else row for row in rows]
        self._before, self.rows = self.rows, rows
        self._write(rows)
        return kind

    def update(self, row: Row, **cells: Any) -> None:
        """
        Put a row in the place of the one with its number.

        :param row: the row.
        :param cells: what differs from it.
        """
        self._before = self.rows
        self.rows = [replace(row, **cells) if each.n == row.n else each for each in self.rows]
        self._write(self.rows)

    def model(self, shard: int = 0, shards: int = 1) -> str:
        """
        Return the query of a shard.

        :param shard: which one, from 0.
        :param shards: how many there are.
        """
        columns = "n, key as email" if self.name == "events" else "key, plan, seats, note"
        return f"select {columns} from {self.name} where present and n % {shards} = {shard} order by n"

    def present(self, shard: int = 0, shards: int = 1) -> list[Row]:
        """
        Return the rows that a query yields, in its order.

        :param shard: which one, from 0.
        :param shards: how many there are.
        """
        return [row for row in self.rows if row.present and row.n % shards == shard]

    def _row(self, n: int, chance: random.Random) -> Row:
        key: str | None = f"{self.name}-{n}@example.com"
        if n % 100 == 99:
            key = None  # invalid
        elif n % 100 == 50 and self.name != "events" and not self._database.diff_schema:
            key = f"{self.name}-{n - 30}@example.com"  # a key that comes twice
        # Of the events only some are there at first.
        present = self.name != "events" or chance.random() < 0.3
        return self._changed(Row(n, key, "", 0, None, present), chance)

    def _changed(self, row: Row, chance: random.Random) -> Row:
        present = row.present or (self.name == "events" and chance.random() < 0.3)
        return replace(
            row, plan=chance.choice(PLANS), seats=chance.randrange(3), note=chance.choice(NOTES), present=present
        )

    def _write(self, rows: list[Row]) -> None:
        self._database.write(self.name, list(map(astuple, rows)))
        with closing(sqlite3.connect(self._path, timeout=60)) as connection, connection:
            connection.execute(
                f"create table if not exists {self.name} (n integer, key text, plan text, seats integer, note text, "
                "present integer)"
            )
            connection.execute(f"delete from {self.name}")
            connection.executemany(f"insert into {self.name} values (?, ?, ?, ?, ?, ?)", map(astuple, rows))
