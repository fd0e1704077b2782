"""``python -m tests.chaos``: a long session on each database, by hand."""

from __future__ import annotations

import argparse
import sys
import time

# Gives Airflow a home of its own, before Airflow is imported.
import tests.conftest  # noqa: F401
from tests.chaos.databases import KINDS, AbsentError
from tests.chaos.scenarios import finish, step
from tests.chaos.session import ChaosError, Session


def run(seed: int, kind: str, kills: int, broken: str | None = None, progress=lambda session: None) -> Session:
    """
    Disturb syncs until so many processes were ended, and compare Heap with the source.

    :param seed: chooses everything.
    :param kind: the kind of database that keeps the state.
    :param kills: how many.
    :param broken: what is broken on purpose.
    :param progress: called after each step.
    :return: the session, for its counts.
    :raises ChaosError: when a promise was broken.
    """
    with Session(seed, kind, broken) as session:
        number = 0
        try:
            while session.counts["kills"] < kills:
                number += 1
                step(session, number)
                progress(session)
            finish(session)
        except ChaosError:
            raise
        except Exception as error:
            session.fail(f"the driver itself failed: {error!r}", error)
    return session


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="chooses everything")
    parser.add_argument("--kills", type=int, default=100, help="processes to end, on each database (%(default)s)")
    parser.add_argument("--databases", nargs="+", choices=list(KINDS), default=list(KINDS), metavar="DATABASE")
    parser.add_argument("--break", dest="broken", help="break strike_out or hold, to see that this is noticed")
    options = parser.parse_args(arguments)
    print(f"Seed {options.seed}", flush=True)
    status = 0
    for kind in options.databases:
        started, shown = time.monotonic(), 0

        def progress(session):
            nonlocal shown
            if session.counts["kills"] >= shown + 20:
                shown = session.counts["kills"]
                print(f"{session.kind}: {shown} kills, {len(session.steps)} steps", flush=True)

        try:
            session = run(options.seed, kind, options.kills, options.broken, progress)
        except AbsentError as error:
            print(f"{kind}: skipped, {error}", flush=True)
        except ChaosError as error:
            print(f"{kind}: {error}", flush=True)
            status = 1
        else:
            seconds = time.monotonic() - started
            counts = ", ".join(f"{count:,} {what}" for what, count in session.counts.items())
            print(f"{kind}: nothing wrong in {seconds:.0f} s: {counts}", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
