"""The hold of a sync, whatever its records are."""

from __future__ import annotations

import logging

import pytest
import sqlalchemy as sa

from airflow_provider_heap.exceptions import SyncRunningError
from airflow_provider_heap.sync.plan import Holder, StateSettings
from airflow_provider_heap.sync.state.held_state import HeldState
from airflow_provider_heap.sync.stop_signal import StopSignal


@pytest.fixture
def held(store, key):
    def make(run, **parameters):
        settings = StateSettings("sqlite", "heap_sync_state")
        return HeldState(store, key, Holder(run, "sync[-1]"), settings, **parameters)

    return make


def open_state(state):
    state.open(StopSignal(), logging.getLogger("test"))
    return state


def test_one_run_holds_a_sync_at_a_time(held):
    first = open_state(held("dag/1"))
    first.assert_held()
    with pytest.raises(SyncRunningError, match="held by another run, dag/1"):
        open_state(held("dag/2"))
    first.close(done=True)
    open_state(held("dag/2")).close(done=True)


def test_the_mapping_of_a_run_that_came_to_its_end_is_compared_with(held):
    first = open_state(held("dag/1"))
    first.check_mapping("1:abc")
    assert not first.compares
    first.close(done=True)
    second = open_state(held("dag/2"))
    second.check_mapping("1:abc")
    assert second.compares
    second.close(done=False)


@pytest.mark.parametrize("parameters", [{}, {"read_only": True}], ids=["run", "dry run"])
@pytest.mark.parametrize("conn_id", ["sqlite", "pg"], indirect=True)
def test_no_connection_stays_open_after_a_run(held, store, parameters):
    # SQLAlchemy 1.4, of Airflow 2.11, keeps no connection to a file open in a run: so all that were opened are counted.
    opened, closed = [], []
    sa.event.listen(store.engine, "connect", lambda connection, _: opened.append(connection))
    sa.event.listen(store.engine, "close", lambda connection, _: closed.append(connection))
    store.close()
    closed.clear()
    open_state(held("dag/1", **parameters)).close(done=True)
    assert opened
    assert len(opened) == len(closed)


def test_a_dry_run_holds_nothing(held):
    first = open_state(held("dag/1"))
    open_state(held("dag/2", read_only=True)).close(done=True)
    first.assert_held()
    first.close(done=True)
