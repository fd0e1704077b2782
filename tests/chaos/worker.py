"""
A process that starts syncs: each order, a line of JSON on its standard input, is obeyed in a child of its own.

    {"number": 3, "object": "users", "run": "r1", "instance": -1, "model": "select ...", "folder": "/tmp/..."}
    {"signal": 9, "pid": 4711, "id": 0}

It prints ``started NUMBER PID``, ``signalled ID`` and ``ended PID STATUS``. A child leaves its error and its report in
the file ``FOLDER/NUMBER.json``. Only this process sends signals: it knows which of its children still live.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
import tempfile
import traceback
from pathlib import Path

from airflow_provider_heap.api.retry import RetryPolicy
from airflow_provider_heap.hooks.heap import HeapHook
from airflow_provider_heap.hooks.sql import state_store
from airflow_provider_heap.models.diff.comparison import WarehouseComparison
from airflow_provider_heap.operators.heap import (
    HeapAccountSyncOperator,
    HeapEventSyncOperator,
    HeapUserSyncOperator,
)
from airflow_provider_heap.sync.state import dialects, lease, parts
from airflow_provider_heap.sync.state.recorder import Recorder
from tests.chaos.databases import DIFF_SCHEMA

#: Seconds after which a hold expires, and between two renewals: in production 60 and 10.
EXPIRES_AFTER, RENEW_EVERY = 3.0, 0.5
#: Names what is broken on purpose, to see that the comparison notices it. Only this process knows the variable.
BREAK = "HEAP_CHAOS_BREAK"


class TaskInstance:
    """As much of a task instance as an operator looks at."""

    dag_id, task_id, try_number = "dag", "sync", 1

    def __init__(self, order):
        self.run_id, self.map_index = order["run"], order["instance"]
        self.xcom = {}

    def xcom_push(self, key, value):
        """Keep what the operator leaves."""
        self.xcom[key] = value


def make_operator(order):
    """Return the operator of an order."""
    common = {
        "task_id": "sync",
        "sync_name": order["object"],
        "model": order["model"],
        "sql_conn_id": "warehouse",
        "state_conn_id": "state",
        "diff_schema": os.environ.get(DIFF_SCHEMA) or None,
        "concurrency": order["concurrency"],
        "batch_size": order["batch_size"],
        "max_rejected": 1_000_000,
        "rejects_path": f"{order['folder']}/rejects-{order['number']}",
        "full_sync": order.get("full_sync", False),
        "rate_limit": 0,
    }
    if order["object"] == "events":
        return HeapEventSyncOperator(insert_id="n", identity="email", event="Ordered", timestamp=None, **common)
    if order["object"] == "accounts":
        return HeapAccountSyncOperator(account_id="key", nulls="empty", **common)
    return HeapUserSyncOperator(identity="key", nulls="empty", **common)


def run(order):
    """Obey an order, in a process of its own, and end it."""
    # A child that is killed in the middle of a line must not spoil what its parent says.
    log = os.open(f"{order['folder']}/log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    operator, ti, error = make_operator(order), TaskInstance(order), None
    # What airflow.sdk.execution_time.task_runner does on SIGTERM: nothing is raised.
    signal.signal(signal.SIGTERM, lambda *_: operator.on_kill())
    try:
        report = operator.execute({"ti": ti})
    except BaseException as raised:
        error, report = raised, ti.xcom.get("report")
        traceback.print_exc()
    outcome = {"error": error and type(error).__name__, "message": error and str(error), "report": report}
    path = Path(order["folder"], f"{order['number']}.json")
    path.with_suffix(".part").write_text(json.dumps(outcome))
    path.with_suffix(".part").rename(path)
    sys.stdout.flush()
    os._exit(0 if error is None else 1)


def prepare():
    """Make waits short, and break what is to be broken."""
    lease.EXPIRES_AFTER, lease.RENEW_EVERY, lease.POLL_EVERY = EXPIRES_AFTER, RENEW_EVERY, 0.1
    dialects.MAX_IDLE = 2.0
    parts.PART_ROWS = 30
    dialects.SqliteDialect.connect_args = {"timeout": 10}
    HeapHook.retry_policy = RetryPolicy(initial_backoff=0.005, max_backoff=0.05)
    broken = os.environ.get(BREAK)
    if broken == "strike_out":
        Recorder.strike_out = lambda self, items: None
        WarehouseComparison.strike_out = lambda self: None
    elif broken == "hold":
        lease.Lease.assert_held = lambda self: None
        lease.Lease.fence = lambda self, connection: None
        lease.Lease._lose = lambda self, why: None
    elif broken:
        raise ValueError(f"nothing can be broken that is called {broken!r}")


def warm_up():
    """Have everything imported before the first fork, by a dry run of no rows."""
    order = {"object": "users", "model": "select 1 as key where 1 = 0", "run": "", "instance": -1, "number": "none"}
    operator = make_operator({**order, "concurrency": 1, "batch_size": 1, "folder": tempfile.gettempdir()})
    operator.dry_run, operator.state_conn_id, operator.rejects_path = True, None, None
    operator.diff_schema = None
    operator.execute({"ti": TaskInstance(order)})
    state_store("state", "heap_sync_state").engine.dispose()
    gc.collect()


def main():
    """Obey orders until there are no more, and all children have ended."""
    prepare()
    warm_up()
    children, orders = set(), b""
    print("ready", flush=True)
    open_input = True
    while open_input or children:
        if open_input and select.select([0], [], [], 0.01)[0]:
            data = os.read(0, 65536)
            open_input, orders = bool(data), orders + data
            *lines, orders = orders.split(b"\n")
            for line in map(json.loads, lines):
                if "signal" in line:
                    if line["pid"] in children:
                        os.kill(line["pid"], line["signal"])
                    print("signalled", line["id"], flush=True)
                    continue
                child = os.fork()
                if not child:
                    run(line)
                children.add(child)
                print("started", line["number"], child, flush=True)
        for child in list(children):
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                children.remove(pid)
                print("ended", pid, os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
