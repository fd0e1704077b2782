"""
What ``airflow heap`` offers. Airflow loads this for every command of its own, so a command's code is imported when it
runs.
"""

from __future__ import annotations

from airflow.cli.cli_config import ActionCommand, CLICommand, GroupCommand

COMMANDS: tuple[ActionCommand | GroupCommand, ...] = ()


def get_heap_cli_commands() -> list[CLICommand]:
    """Return the commands, as the ``cli`` entry of the provider's info wants them."""
    return [GroupCommand("heap", "Look after syncs to Heap", COMMANDS)]
