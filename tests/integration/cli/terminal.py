"""
Run commands of ``airflow heap`` on a pseudo-terminal, and read what a person would see.

As a program it is the process on that terminal: it takes widths and commands as JSON, and separates what they print.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from argparse import ArgumentParser

END = "=== end of a command ==="
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def screens(*commands):
    """Return the lines that each command prints; a command is the width of the terminal and the words of it."""
    ours, theirs = pty.openpty()
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, json.dumps(commands)],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env={**environment, "TERM": "xterm-256color"},
    )
    os.close(theirs)
    output = b""
    try:
        while part := os.read(ours, 1 << 16):
            output += part
    except OSError:  # Linux says so when nobody has the terminal open any more
        pass
    _, errors = process.communicate()
    os.close(ours)
    assert not process.returncode, errors.decode()
    text = CONTROL.sub("", output.decode().replace("\r\n", "\n"))
    return [screen.strip("\n").splitlines() for screen in text.split(END)[:-1]]


def run(commands):
    """Run commands one after another, each in a terminal of its own width."""
    from airflow_provider_heap.cli.definition import get_heap_cli_commands

    for width, words in commands:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
        [command] = get_heap_cli_commands()
        while hasattr(command, "subcommands"):
            name = words.pop(0)
            [command] = [one for one in command.subcommands if one.name == name]
        parser = ArgumentParser()
        for arg in command.args:
            arg.add_to_parser(parser)
        command.func(parser.parse_args(words))
        print(END, flush=True)


if __name__ == "__main__":
    run(json.loads(sys.argv[1]))
