"""Start syncs in processes of their own, and send them signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
#: Seconds; it only keeps a broken run from hanging.
PATIENCE = 120


@dataclass
class Run:
    """
    A sync in a process.

    :param order: what it was told to do.
    :param workers: started it.
    """

    order: dict[str, Any]
    workers: Workers
    pid: Future[int] = field(default_factory=Future)
    status: Future[int] = field(default_factory=Future)

    def signal(self, number: int) -> None:
        """Send a signal, unless the process has ended, and wait until it is sent."""
        self.workers.signal(self.pid.result(PATIENCE), number)

    def wait(self, seconds: float = PATIENCE) -> Run:
        """Wait for the end of the process."""
        self.status.result(seconds)
        return self

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self.status.done()

    @property
    def succeeded(self) -> bool:
        """Whether the sync came to its end without an error; the process must have ended."""
        return self.status.result(0) == 0

    @property
    def killed(self) -> bool:
        """Whether the process was ended by a signal."""
        return self.status.result(0) < 0

    @property
    def outcome(self) -> dict[str, Any]:
        """What the process left: ``error``, ``message``, ``report``; empty after a SIGKILL."""
        path = Path(self.order["folder"], f"{self.order['number']}.json")
        return json.loads(path.read_text()) if path.exists() else {}

    @property
    def error(self) -> str | None:
        """Name of the error's class; None when there was none, or the process was killed."""
        return self.outcome.get("error")

    @property
    def report(self) -> dict[str, Any]:
        """The counters."""
        return self.outcome["report"]


class Workers:
    """
    A process that starts syncs, so that Airflow is imported once.

    ``_lock`` guards ``_runs``, ``_by_pid`` and ``_signals``, which the thread that reads shares.

    :param folder: takes the outcomes and the log.
    :param environment: environment variables: the connections.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(folder / "log.txt").open("ab"),
            text=True,
            cwd=ROOT,
            env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        )
        self._runs: list[Run] = []
        self._by_pid: dict[int, Run] = {}
        self._signals: list[Future[None]] = []
        self._lock = threading.RLock()
        self._ready: Future[None] = Future()
        threading.Thread(target=self._read, daemon=True).start()
        self._ready.result(PATIENCE)

    def start(self, **order: Any) -> Run:
        """Start a sync; returns at once."""
        with self._lock:
            run = Run({**order, "number": len(self._runs), "folder": str(self._folder)}, self)
            self._runs.append(run)
            self._write(run.order)
        return run

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to a child that lives, and wait until it is sent."""
        sent: Future[None] = Future()
        with self._lock:
            self._signals.append(sent)
            self._write({"pid": pid, "signal": number, "id": len(self._signals) - 1})
        sent.result(PATIENCE)

    def close(self) -> None:
        """End all processes."""
        for run in self._runs:
            if not run.ended:
                run.signal(signal.SIGKILL)
        self._process.stdin.close()
        self._process.wait(PATIENCE)

    def _write(self, line: dict[str, Any]) -> None:
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        for line in self._process.stdout:
            match line.split():  # what Airflow logs is among it
                case ["ready"]:
                    self._ready.set_result(None)
                case ["started", number, pid]:
                    with self._lock:
                        run = self._by_pid[int(pid)] = self._runs[int(number)]
                    run.pid.set_result(int(pid))
                case ["signalled", number]:
                    with self._lock:
                        sent = self._signals[int(number)]
                    sent.set_result(None)
                case ["ended", pid, status]:
                    with self._lock:
                        run = self._by_pid.pop(int(pid))
                    run.status.set_result(int(status))
        if not self._ready.done():
            self._ready.set_exception(RuntimeError("the process that starts syncs has ended: see log.txt"))
