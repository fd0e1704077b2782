"""``airflow heap init``: a DAG file for a table, to begin with."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.configuration import conf

from airflow_provider_heap.api.objects import KEPT_OBJECTS
from airflow_provider_heap.cli.dags import NotFoundError
from airflow_provider_heap.cli.proposal import (
    Proposal,
    TableColumn,
    guess_key,
    guess_object,
    guess_person,
    guess_timestamp,
    propose,
    singular,
    title,
)
from airflow_provider_heap.cli.tasks import command, confirm
from airflow_provider_heap.hooks.sql import sql_hook
from airflow_provider_heap.models import ReadContext
from airflow_provider_heap.models.sql import SqlModel
from airflow_provider_heap.wording import counted, did_you_mean

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook

#: A table's name, quoted or not, may be with schema and database. It becomes a part of a query.
_TABLE = re.compile(r"""[\w$-]+(\.[\w$-]+){0,3}|(["`][^"`;]+["`])(\.["`][^"`;]+["`]){0,3}""")
_DAG_ID = re.compile(r"[\w.-]+")
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


@command
def init(args: Namespace) -> None:
    """Write a DAG file that sends a table to Heap; what was not given as an option is asked."""
    conn_id = _answer(args.conn, "SQL connection of Airflow that has the table")
    table = _answer(args.table, "Table, may be schema.table")
    if not _TABLE.fullmatch(table):
        raise NotFoundError(f"{table!r} is not the name of a table, such as users or shop.users.")
    hook = sql_hook(conn_id, parameter="--conn")
    columns = _columns(hook, f"select * from {table}")
    print(f"{table} has {counted(len(columns), 'column')}: {', '.join(column.name for column in columns)}")
    proposal = _ask_for_sync(args, table, columns)
    dag_id = _answer(args.dag_id, "ID of the DAG", f"heap_{singular(table)}s")
    if not _DAG_ID.fullmatch(dag_id):
        raise NotFoundError(f"{dag_id!r} can't be the ID of a DAG: letters, digits, _, - and . only.")
    path = Path(_answer(args.output_file, "File to write", str(_dags_folder() / f"{dag_id}.py"))).expanduser()
    if path.exists() and not args.yes:
        confirm(f"{path} exists. Overwrite it?", "Nothing was written.")
    path.parent.mkdir(parents=True, exist_ok=True)
    query = _query(hook, table, columns, proposal)
    path.write_text(dag_file(dag_id, conn_id, args.heap_conn_id, table, query, proposal), encoding="utf-8")
    task_id = _task_id(proposal)
    print(
        f"Wrote {path}. Read it, then:\n"
        f"  airflow heap check {dag_id}\n"
        f"  airflow heap preview {dag_id} {task_id}\n"
        f"  airflow dags test {dag_id}"
    )


def _ask_for_sync(args: Namespace, table: str, columns: list[TableColumn]) -> Proposal:
    by_name = {heap_object.name: heap_object for heap_object in KEPT_OBJECTS}
    *others, last = by_name
    names = f"{', '.join(others)} or {last}"
    name = _answer(args.object, f"What a row is: {names}", guess_object(table, columns).name)
    if name not in by_name:
        raise NotFoundError(f"--object is {names}; found {name!r}.{did_you_mean(name, by_name)}")
    heap_object = by_name[name]
    what = "insert ID" if heap_object.derives_key else title(heap_object.key)
    key = _column(args.key, f"Column of the {what}", guess_key(heap_object, table, columns), columns)
    person = timestamp = None
    if heap_object.write_once:
        person = _column(args.identity, "Column of the user's Identity", guess_person(columns), columns)
        guess = guess_timestamp(table, columns)
        timestamp = _column(args.timestamp, "Column of the time at which it happened", guess, columns)
    return propose(heap_object, table, columns, key, person, timestamp)


def _answer(given: str | None, question: str, proposed: str | None = None) -> str:
    """Return what was given as an option, else what a person answers, else what is proposed."""
    if given is not None:
        return given
    if sys.stdin.isatty():
        with suppress(EOFError):
            answer = input(f"{question}{f' [{proposed}]' if proposed else ''}: ").strip()
            if answer:
                return answer
    if not proposed:
        raise NotFoundError(f"{question}: not given. See airflow heap init --help.")
    return proposed


def _column(given: str | None, question: str, proposed: str | None, columns: list[TableColumn]) -> str:
    """Return the database's name of a column that was given, answered or proposed."""
    name = _answer(given, question, proposed)
    names = [column.name for column in columns]
    matches = [other for other in names if other == name] or [other for other in names if other.lower() == name.lower()]
    if len(matches) != 1:
        raise NotFoundError(f"There is no column {name!r}.{did_you_mean(name, names)} There are: {', '.join(names)}.")
    return matches[0]


def _columns(hook: DbApiHook, sql: str) -> list[TableColumn]:
    """Ask the database for the columns of a query, and for no row."""
    with SqlModel(sql).without_rows().open(ReadContext(lambda: hook)) as rows:
        types = rows.types or [None] * len(rows.columns)
        return [TableColumn(name, kind) for name, kind in zip(rows.columns, types, strict=True)]


def _query(hook: DbApiHook, table: str, columns: list[TableColumn], proposal: Proposal) -> str:
    """Return a query of the columns that are sent; of all where a name would have to be quoted."""
    names = [column.name for column in columns if column.name not in proposal.left_out]
    whole = f"select * from {table}"
    if not all(map(_PLAIN.fullmatch, names)):
        return whole
    query = f"select {', '.join(names)} from {table}"
    with suppress(Exception):  # a name that the database reserves
        if [column.name for column in _columns(hook, query)] == names:
            return query
    return whole


def _dags_folder() -> Path:
    return Path(conf.get("core", "dags_folder"))


def _task_id(proposal: Proposal) -> str:
    return f"{proposal.heap_object.name}s"


def dag_file(dag_id: str, conn_id: str, heap_conn_id: str, table: str, query: str, proposal: Proposal) -> str:
    """
    Return the text of a DAG file.

    :param dag_id: the DAG's ID.
    :param conn_id: connection of the table.
    :param heap_conn_id: connection of type ``heap``.
    :param table: the table's name.
    :param query: what is read.
    :param proposal: what becomes of the rows.
    """
    heap_object = proposal.heap_object
    operator = f"Heap{heap_object.name.title()}SyncOperator"
    today = datetime.now(UTC)
    lines = [
        f'"""Sends {table} to Heap as {heap_object.name}s. Written by airflow heap init; it is yours to change."""',
        "",
        "from datetime import UTC, datetime",
        "",
        "from airflow.providers.common.compat.sdk import DAG",
        "",
        f"from airflow_provider_heap.operators.heap import {operator}",
        "",
        "with DAG(",
        f"    dag_id={_text(dag_id)},",
        '    schedule="@daily",',
        f"    start_date=datetime({today.year}, {today.month}, {today.day}, tzinfo=UTC),",
        "    catchup=False,",
        '    tags=["heap"],',
        "    # A switch in the form that triggers a run: prepare everything, and send nothing.",
        '    params={"dry_run": False},',
        "):",
        f"    {operator}(",
        f"        task_id={_text(_task_id(proposal))},",
        f"        sql_conn_id={_text(conn_id)},",
        f"        heap_conn_id={_text(heap_conn_id)},",
        *(f"        {line}" for line in _model(query)),
        *(f"        {line}" for line in _fields(table, proposal)),
        "        # Heap property: column. Heap keeps the names of properties forever, so choose them with care.",
        "        properties={",
        *(f"            {_text(name)}: {_text(column)}," for name, column in proposal.properties.items()),
        *(f"            # {column}: left out, {why}" for column, why in proposal.left_out.items()),
        "        },",
        "        # Rows without a usable key that are tolerated: a count, or a share such as 0.01.",
        "        max_rejected=0,",
        "        # With a connection that may create a table, only new and changed rows are sent:",
        f"        # state_conn_id={_text(conn_id)},",
        "        # With a folder, rows that did not arrive are kept there, with the reason:",
        '        # rejects_path="/tmp/heap-rejects",',
        '        dry_run="{{ params.dry_run }}",',
        "    )",
    ]
    return "\n".join(lines) + "\n"


def _model(query: str) -> list[str]:
    if len(query) <= 90:
        return [f"model={_text(query)},"]
    columns, _, table = query.rpartition(" from ")
    names = columns.removeprefix("select ").split(", ")
    listed = [f"        {name}{',' if name != names[-1] else ''}" for name in names]
    return ['model="""', "    select", *listed, f"    from {table}", '""",']


def _fields(table: str, proposal: Proposal) -> list[str]:
    if not proposal.heap_object.write_once:
        [parameter] = proposal.heap_object.person_fields
        return [
            f"# The column that names the {proposal.heap_object.name} in Heap: unique, and never null.",
            f"{parameter}={_text(proposal.key)},",
        ]
    return [
        f"event={_text(singular(table).replace('_', ' ').title())},",
        "# Tells events of this name apart: Heap counts an event once, however often it is sent.",
        f"insert_id={_text(proposal.key)},",
        "# The column that names the user in Heap.",
        f"identity={_text(proposal.person or '')},",
        f"timestamp={_text(proposal.timestamp or '')},",
    ]


def _text(value: str) -> str:
    """Return a text as Python code with double quotes."""
    quoted = repr(value)
    return f'"{quoted[1:-1]}"' if quoted[0] == "'" and '"' not in value else quoted
