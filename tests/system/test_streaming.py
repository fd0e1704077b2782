"""When Heap is slower than the model, rows wait on disk: the model is let go, and memory stays as it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from airflow_provider_heap.exceptions import SyncStoppedError
from airflow_provider_heap.operators.heap import HeapEventSyncOperator
from airflow_provider_heap.sync.stop_signal import StopSignal
from tests.waiting import wait_until


def test_memory_does_not_know_how_many_rows_there_are(heap_sandbox):
    connection = {"conn_type": "heap", "login": "123", "host": heap_sandbox.url}
    environment = {**os.environ, "AIRFLOW_CONN_HEAP_DEFAULT": json.dumps(connection)}
    guards = "{'min_rows': 1, 'unique_key': True, 'max_null': {'n': 0.1}}"
    peaks = [
        int(
            subprocess.run(
                [sys.executable, str(Path(__file__).with_name("endless.py")), *words],
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            ).stdout.splitlines()[-1]
        )
        for words in (["20000"], ["400000"], ["400000", guards])
    ]
    assert max(peaks) - peaks[0] < 30_000


def test_the_cursor_is_closed_with_the_last_row_while_heap_takes_its_time(
    heap_sandbox, postgres, tmp_path, monkeypatch, ti
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    postgres.execute(
        "create table orders as select n as id, 'u' || n as email, now() as at from generate_series(1, 30000) n"
    )
    operator = HeapEventSyncOperator(
        task_id="sync",
        model="select * from orders",
        sql_conn_id="pg",
        insert_id="id",
        identity="email",
        event="Order",
        timestamp="at",
        rate_limit=1000,
    )
    sessions = "select count(*) from pg_stat_activity where application_name = current_schema()"
    stop, texts, reading, closed = StopSignal(), [], [], []

    class Log:
        def info(self, message, *args):
            texts.append(message % args)
            if texts[-1].startswith("Rows are read faster"):
                reading.extend(postgres.execute(sessions).fetchone())
            if texts[-1].startswith("The last of"):
                # The server ends a session a moment after the client has closed it.
                wait_until("that the session is closed", lambda: postgres.execute(sessions).fetchone() == (0,))
                closed.append(True)
                stop.set(SyncStoppedError("enough"))

        warning = info

    with pytest.raises(SyncStoppedError):
        operator.sync_run(operator.plan({"ti": ti}), Log(), stop).execute()
    assert reading == [1]
    assert closed
    told = "\n".join(texts)
    assert "they wait on disk" in told
    assert "The last of 30,000 rows is read" in told
    assert "at Heap's pace" in told
    assert list(tmp_path.iterdir()) == []
