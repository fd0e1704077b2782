"""
Makes the warehouse of `make airflow`: one SQLite file that has what all example DAGs read, and a file of JSON lines.

    python scripts/demo_warehouse.py .airflow/demo.db .airflow/users.jsonl

Times are relative to now, so that each interval has orders; those of the next 30 days appear when their time has come.
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

COMPANIES = ("Analytical Engines", "Müller & Söhne", "東京データ", "Flowmatic", "Looms of Lyon", "Difference Ltd")
FIRST = ("Ada", "Grace", "Jürgen", "Yuki", "Edsger", "Barbara", "Alan", "Radia", "Donald", "Hedy")
LAST = ("Lovelace", "Hopper", "Müller", "Tanaka", "Dijkstra", "Liskov", "Turing", "Perlman", "Knuth", "Lamarr")
PLANS = ("free", "trial", "starter", "pro", "enterprise")

TABLES = """
drop view if exists orders;
drop view if exists sessions;
drop table if exists companies;
drop table if exists people;
drop table if exists signups;
drop table if exists erasure_requests;
drop table if exists all_orders;
drop table if exists all_sessions;
create table companies (company_id integer primary key, name text, plan text);
create table people (
    id integer primary key, email text, name text, company_id integer, plan text, seats integer, trial_ends_at text,
    created_at text
);
create table signups (email text, plan text);
create table erasure_requests (email text);
create table all_orders (
    order_id integer primary key, person_id integer, email text, amount real, currency text, ordered_at text
);
create table all_sessions (session_id integer primary key, email text, reports integer, started_at text);
create view orders as select * from all_orders where ordered_at <= datetime('now');
create view sessions as select * from all_sessions where started_at <= datetime('now');
"""


def make_warehouse(path: Path, now: datetime) -> None:
    """
    Create the tables anew, with the same rows every time but for their dates.

    :param path: the SQLite file.
    :param now: what the dates are relative to.
    """
    chance = random.Random(2388822444)

    def moments(days: int, every: timedelta) -> list[str]:
        start, count = now - timedelta(days=days), int(timedelta(days=days + 30) / every)
        return [f"{start + n * every:%Y-%m-%d %H:%M:%S}" for n in range(count)]

    people = []
    for number, (first, last) in enumerate(((first, last) for last in LAST for first in FIRST), start=1):
        plan = chance.choice(PLANS)
        trial = f"{now + timedelta(days=chance.randint(-5, 25)):%Y-%m-%d}" if plan == "trial" else None
        email = f"{first}.{last}@example.com".lower()
        created = f"{now - timedelta(days=chance.randint(1, 400)):%Y-%m-%d %H:%M:%S}"
        company = 1 + number % len(COMPANIES)
        people.append((number, email, f"{first} {last}", company, plan, chance.randint(1, 20), trial, created))
    companies = [(number, name, chance.choice(PLANS)) for number, name in enumerate(COMPANIES, start=1)]
    # One in twenty has no email, as in real life.
    signups = [(person[1] if number % 20 else None, person[4]) for number, person in enumerate(people)]
    orders = [
        (1000 + n, person[0], person[1], round(chance.uniform(5, 500), 2), chance.choice(("EUR", "USD")), moment)
        for n, moment in enumerate(moments(60, timedelta(minutes=20)))
        for person in [chance.choice(people)]
    ]
    sessions = [
        (n, chance.choice(people)[1], chance.choice((0, 0, 1, 2, 5)), moment)
        for n, moment in enumerate(moments(60, timedelta(minutes=25)))
    ]
    with closing(sqlite3.connect(path, timeout=60)) as database, database:
        database.executescript(TABLES)
        for table, rows in (
            ("companies", companies),
            ("people", people),
            ("signups", signups),
            # The last three asked to be forgotten.
            ("erasure_requests", [(person[1],) for person in people[-3:]]),
            ("all_orders", orders),
            ("all_sessions", sessions),
        ):
            database.executemany(f"insert into {table} values ({', '.join('?' * len(rows[0]))})", rows)


def make_file(path: Path) -> None:
    """
    Write a file of users, one JSON object a line.

    :param path: the file.
    """
    users = [
        {"email": "ada.lovelace@example.com", "plan": "pro", "interests": ["engines", "lace"]},
        {"email": "grace.hopper@example.com", "plan": "enterprise", "interests": ["compilers"]},
        {"email": "yuki.tanaka@example.com", "plan": "free"},
    ]
    path.write_text("".join(json.dumps(user) + "\n" for user in users), encoding="utf-8")


if __name__ == "__main__":
    make_warehouse(Path(sys.argv[1]), datetime.now(UTC))
    make_file(Path(sys.argv[2]))
