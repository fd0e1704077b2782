"""A session: one seed on one database. It knows how to run a sync and how to look at the outcome."""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from airflow_provider_heap.api.objects import OBJECTS
from airflow_provider_heap.sandbox import Faults, Sandbox
from airflow_provider_heap.sandbox.store import Request
from tests.chaos import comparison
from tests.chaos.conductor import Conductor
from tests.chaos.databases import KINDS, environment
from tests.chaos.processes import Run, Workers
from tests.chaos.source import Table
from tests.chaos.worker import BREAK

#: Rows of each table, and how many mapped instances share it.
SIZES = {"users": 500, "accounts": 400, "events": 400}
SHARDS = {"users": 1, "accounts": 2, "events": 1}
KEY_OF = {heap_object.array_name: heap_object.key for heap_object in OBJECTS}
#: Seconds that a request may take.
TIMEOUT = 3
#: A request takes that long, so that there is time to interfere.
LATENCY = 0.012
#: Tries of an undisturbed run while a dead run's hold has not expired.
MAX_TRIES = 60


class ChaosError(AssertionError):
    """A promise was broken; the message holds the seed and the steps."""


@dataclass(frozen=True)
class Sync:
    """
    A task instance of a sync.

    :param table: what it reads.
    :param shard: which part of it.
    """

    table: str
    shard: int = 0

    def __str__(self) -> str:
        return self.table if SHARDS[self.table] == 1 else f"{self.table}[{self.shard}]"


class Session:
    """
    A context manager that sets everything up and removes it; after a failure its folder stays.

    :param seed: chooses everything.
    :param kind: the kind of database that keeps the state.
    :param broken: what is broken on purpose; None for nothing.
    :raises AbsentError: when the database does not run.
    """

    def __init__(self, seed: int, kind: str, broken: str | None = None) -> None:
        self.seed, self.kind = seed, kind
        self.counts: Counter[str] = Counter()
        self.steps: list[str] = []
        self._broken = broken
        self._stack = ExitStack()
        self._runs = 0
        self._run_ids: dict[str, str] = {}

    def __enter__(self) -> Session:
        self.folder = Path(tempfile.mkdtemp(prefix=f"heap-chaos-{self.kind}-{self.seed}-"))
        chance = random.Random(f"{self.seed}/{self.kind}")
        with ExitStack() as stack:
            self.database = KINDS[self.kind](self.folder, f"heap_chaos_{os.getpid()}")
            stack.callback(self.database.close)
            self.sandbox = stack.enter_context(Sandbox())
            # A killed process resets its connections; that is not worth a traceback.
            self.sandbox._server.handle_error = lambda *_: None
            self.conductor = Conductor(self.sandbox)
            warehouse = self.folder / "warehouse.db"
            self.tables = {name: Table(warehouse, name, size, chance, self.database) for name, size in SIZES.items()}
            variables = environment(warehouse, self.sandbox.url, TIMEOUT, self.database)
            self.workers = Workers(self.folder, {**variables, BREAK: self._broken or ""})
            stack.callback(self.workers.close)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.conductor.begin()
        self._stack.close()
        if kind is None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def note(self, text: str) -> None:
        """Add to the list of what happened."""
        self.steps.append(text)
        with (self.folder / "steps.txt").open("a") as file:
            file.write(text + "\n")

    def fail(self, what: str, cause: Exception | None = None) -> NoReturn:
        """Raise an error that says how to come here again."""
        steps = "\n".join(f"  {number:>3}  {step}" for number, step in enumerate(self.steps, 1))
        raise ChaosError(
            f"{what}\nSeed {self.seed} on {self.kind}, after {self.counts['kills']} kills. What happened:\n{steps}\n"
            f"Log and source: {self.folder}. To repeat it, as far as timing allows:\n"
            f"  python -m tests.chaos --seed {self.seed} --databases {self.kind}"
        ) from cause

    # Runs

    def syncs(self, table: str) -> list[Sync]:
        """Return the task instances of a table."""
        return [Sync(table, shard) for shard in range(SHARDS[table])]

    def new_run(self, table: str) -> str:
        """Begin another DAG run; the one before is not retried any more."""
        self._runs += 1
        self._run_ids[table] = f"run-{self._runs}"
        return self._run_ids[table]

    def start(self, sync: Sync, *, run: str | None = None, concurrency: int = 4, **options: Any) -> Run:
        """
        Start a task instance; returns at once.

        :param sync: which.
        :param run: the DAG run; None for the last one, of which this is a retry.
        :param concurrency: requests in flight.
        :param options: of the order.
        """
        shards = SHARDS[sync.table]
        self.counts["runs"] += 1
        return self.workers.start(
            object=sync.table,
            run=run or self._run_ids.get(sync.table) or self.new_run(sync.table),
            instance=sync.shard if shards > 1 else -1,
            model=self.tables[sync.table].model(sync.shard, shards),
            concurrency=concurrency,
            batch_size=20,
            **options,
        )

    def begin(self, faults: Faults | None = None) -> int:
        """
        Begin an attempt, and return how many requests arrived before it.

        :param faults: how requests fail.
        """
        self.conductor.begin()
        self.sandbox.faults = faults or Faults(latency=LATENCY)
        return len(self.sandbox.requests)

    def settle(self) -> None:
        """Wait until the requests of processes that have ended have arrived."""
        count = -1
        while count != (count := len(self.sandbox.requests)):
            time.sleep(0.04)

    def recover(self, table: str) -> None:
        """Run a table's syncs undisturbed until they succeed, and compare Heap with the source."""
        for sync in self.syncs(table):
            self.run_calmly(sync)
        self.new_run(table)

    def run_calmly(self, sync: Sync, run: str | None = None) -> Run:
        """
        Run a task instance undisturbed until it succeeds, and compare Heap with the source.

        A dead run of another DAG run holds the sync until its hold has expired.

        :param sync: which.
        :param run: the DAG run; None for the last one, of which this is a retry.
        """
        for _ in range(MAX_TRIES):
            before = self.begin()
            attempt = self.start(sync, run=run).wait()
            if attempt.succeeded:
                self.check(sync, attempt, self.sandbox.requests[before:])
                return attempt
            self.expect(attempt, ["SyncRunningError"])
            time.sleep(0.2)
        return self.fail(f"{sync} is still held by another run: {attempt.outcome['message']}")

    # Outcomes

    def expect(self, run: Run, errors: Iterable[str], kills: bool = False) -> None:
        """
        Make sure that a run that has ended failed as it may.

        :param run: the run.
        :param errors: names of the errors that are expected; success always is.
        :param kills: whether it may have been killed.
        """
        self.settle()
        if run.killed:
            if not kills:
                self.fail(f"a process was ended by signal {-run.status.result()}")
        elif not run.succeeded and run.error not in errors:
            outcome = run.outcome or "nothing was left"
            self.fail(f"unexpected failure of {run.order['object']}, {run.order['run']}: {json.dumps(outcome)[:1500]}")

    def check(
        self, sync: Sync, run: Run, requests: Sequence[Request] | None, *, late: bool = False, failing: bool = False
    ) -> None:
        """
        Compare Heap with the source after a run that succeeded.

        :param sync: what ran.
        :param run: the run.
        :param requests: those that arrived during the run; None when another run sent some too.
        :param late: whether some answers came after the run had given them up.
        :param failing: whether the server failed, so that probes may have been sent, and rows refused.
        """
        self.settle()
        table, report = self.tables[sync.table], run.report
        rows = table.present(sync.shard, SHARDS[sync.table])
        refused = comparison.rejected_keys(report, KEY_OF[sync.table])
        if len(refused) > report["rejected"]:
            self.fail(f"{sync}: {len(refused)} keys in the rejects file, and {report['rejected']} rejected")
        wrong = comparison.differences(sync.table, rows, table.rows, self.sandbox, refused)
        if wrong:
            shown = "\n  ".join(wrong[: comparison.SHOWN])
            self.fail(f"{sync}: a run succeeded, and {len(wrong)} rows of Heap differ from the source:\n  {shown}")
        wrong = comparison.miscounted(report, rows, requests, server_fails=failing, answers_come_late=late)
        if wrong:
            self.fail(f"{sync}: the counters are wrong: {'; '.join(wrong)}. The report: {json.dumps(report)}")
        self.counts["comparisons"] += 1
        self.counts["cells"] += 3 * len(rows)

    def check_idle(self, table: str) -> None:
        """Make sure that a run right after one that succeeded sends nothing that Heap has."""
        for sync in self.syncs(table):
            rows = self.tables[table].present(sync.shard, SHARDS[table])
            wanted = 0 if table == "events" else comparison.sent_again(rows)
            report = self.run_calmly(sync).report
            if report["sent"] != wanted:
                self.fail(f"{sync}: {report['sent']} rows were sent again, not {wanted}, right after a success")
