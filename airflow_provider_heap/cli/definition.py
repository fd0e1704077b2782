"""
What ``airflow heap`` offers. Airflow loads this for every command of its own, so a command's code is imported when it
runs.
"""

from __future__ import annotations

from typing import Any

from airflow.cli.cli_config import (
    ARG_DAG_ID,
    ARG_OUTPUT,
    ARG_TASK_ID,
    ARG_VERBOSE,
    ARG_YES,
    ActionCommand,
    Arg,
    CLICommand,
    GroupCommand,
    lazy_load_command,
)

from airflow_provider_heap.api.objects import KEPT_OBJECTS


def _option(flag: str, text: str, **settings: Any) -> Arg:
    return Arg((flag,), help=text, **settings)  # type: ignore[no-untyped-call]


def _command(name: str, path: str, text: str, *args: Arg) -> ActionCommand:
    return ActionCommand(name, text, lazy_load_command(f"airflow_provider_heap.cli.{path}"), (*args, ARG_VERBOSE))


TASK = (ARG_DAG_ID, ARG_TASK_ID)
RUN = (
    _option("--logical-date", "Logical date of the run that templates are rendered for (default: now)"),
    _option("--conf", "JSON of the run's conf, for templates"),
    _option("--map-index", "Which instance of a mapped task, from 0 on", type=int, default=-1),
)
EVENT = _option("--event", "Name of the key's event, for a task with event_column")
OUTPUT = _option("--output", "table (default) or json", choices=("table", "json"), default="table")
FILE = _option("path", "A file: a path, or any URL of ObjectStoragePath")
ANY_DAG = _option("dag_id", "The DAG; all of them when not given", nargs="?")


STATE = (
    _command(
        "show",
        "state.show",
        "Print how much is recorded, and of a key when it was sent",
        *TASK,
        _option("--key", "An Account ID, an identity or an insert ID"),
        EVENT,
        *RUN,
        ARG_OUTPUT,
    ),
    _command(
        "forget",
        "state.forget",
        "Delete keys, so that the next run sends them again",
        *TASK,
        _option("--key", "Account IDs, identities or insert IDs", nargs="+", default=()),
        _option("--all", "All keys of the sync", action="store_true"),
        EVENT,
        *RUN,
        ARG_YES,
    ),
    _command(
        "adopt",
        "state.adopt",
        "Record the model's present rows as already sent, without sending them",
        *TASK,
        *RUN,
    ),
    _command("export", "state.export", "Write the state to a file", *TASK, FILE, *RUN),
    _command("import", "state.import_", "Read the state from a file that export wrote", *TASK, FILE, *RUN),
)

DELETIONS = (
    _command(
        "show",
        "deletions.show",
        "Print the requests of a task that deletes users, or the one of a person: when, and how far it is",
        *TASK,
        _option("--key", "An identity or a user ID, whichever the task maps"),
        *RUN,
        ARG_OUTPUT,
    ),
)

REDRIVE = (
    _option("path", "A rejects file, or a folder of them: a path, or any URL of ObjectStoragePath"),
    _option("--reason", "Only items that were rejected for this reason, such as http_400", nargs="+"),
    _option("--key", "Only those of these Account IDs, identities or insert IDs", nargs="+"),
    _option("--heap-conn-id", "The Heap connection (default: heap_default)", default="heap_default"),
    _option("--sync-name", "Only items of this sync, where the files hold several"),
    _option("--state-conn-id", "Connection of the sync's state: what Heap takes is recorded there"),
    _option("--state-table", "Its table (default: heap_sync_state)", default="heap_sync_state"),
    _option("--rejects-path", "A folder for items that are rejected once more"),
    _option("--max-rejected", "How many items may be rejected once more (default: 0)", default=0),
    _option("--dry-run", "Send nothing", action="store_true"),
    ARG_YES,
)

INIT = (
    _option("--conn", "The SQL connection that has the table"),
    _option("--table", "The table, may be schema.table"),
    _option("--object", "What a row is", choices=[heap_object.name for heap_object in KEPT_OBJECTS]),
    _option("--key", "Column of the Identity, the Account ID or the insert ID"),
    _option("--identity", "Column of the user's Identity, for events"),
    _option("--timestamp", "Column of the time at which an event happened"),
    _option("--dag-id", "ID of the DAG"),
    _option("--heap-conn-id", "The Heap connection (default: heap_default)", default="heap_default"),
    Arg(("-o", "--output"), help="The file (default: in the DAGs folder)", dest="output_file"),  # type: ignore[no-untyped-call]
    ARG_YES,
)

COMMANDS: tuple[ActionCommand | GroupCommand, ...] = (
    _command("init", "init.init", "Write a DAG file for a table; asks for what is not given", *INIT),
    _command(
        "preview",
        "preview.preview",
        "Print what a sync would do, or what becomes of one row: mapping, counts, the first request",
        *TASK,
        _option("--rows", "How many rows to read (default: 100)", type=int, default=100),
        _option("--all", "Read the whole model", action="store_true"),
        _option("--key", "Only the row of an Account ID, an identity or an insert ID: how it is mapped, and its state"),
        EVENT,
        _option("--send", "Send the item of --key to Heap, after asking", action="store_true"),
        ARG_YES,
        *RUN,
        OUTPUT,
    ),
    _command(
        "check",
        "check.check",
        "Compare mappings with the columns and types of their queries, without reading a row; for CI",
        ANY_DAG,
        _option("task_id", "The task; all syncs of the DAG when not given", nargs="?"),
        _option("--strict", "A column that is not mapped is a problem too", action="store_true"),
        *RUN[:2],
        OUTPUT,
    ),
    _command("redrive", "redrive.redrive", "Resend items that Heap rejected, from a rejects file", *REDRIVE),
    GroupCommand("state", "Look at what is recorded as sent, and change it", STATE),
    GroupCommand("deletions", "Look at the deletions of users that were asked for", DELETIONS),
    _command("exposures", "exposures.exposures", "Print a dbt exposure for each sync of a dbt model", ANY_DAG),
)


def get_heap_cli_commands() -> list[CLICommand]:
    """Return the commands, as the ``cli`` entry of the provider's info takes them."""
    return [GroupCommand("heap", "Look after syncs to Heap", COMMANDS)]
