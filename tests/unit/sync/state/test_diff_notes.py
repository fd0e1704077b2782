"""Notes say which tables are true, and which a dead run left behind."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import EVENT, USER
from airflow_provider_heap.hooks.sql import state_store
from airflow_provider_heap.sync.plan import Holder
from airflow_provider_heap.sync.state.diff_notes import DiffNotes
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.sync.state.store import Store
from tests.conftest import STATE_SERVERS

MINE = Holder("dag/1", "sync[0]")


@pytest.fixture
def store(tmp_path):
    store = Store(sa.create_engine(f"sqlite:///{tmp_path / 'state.db'}"))
    yield store
    store.engine.dispose()


def notes_of(store, heap_object=USER, sync="sync"):
    return DiffNotes(store, StateKey(sync, Environment("2388822444", "https://heap.example"), heap_object))


def test_without_a_table_of_notes_nothing_is_true(store):
    notes = notes_of(store)
    assert not notes.is_true("pg:heap.heap_1")
    notes.end_comparing()


def test_a_table_is_true_until_rows_are_sent_in_another_way_or_another_one_is(store):
    notes = notes_of(store)
    notes.create_table()
    notes.create_table()
    notes.add("pg:heap.heap_1")
    assert notes.is_true("pg:heap.heap_1")
    notes.add("pg:other.heap_1")
    assert (notes.is_true("pg:heap.heap_1"), notes.is_true("pg:other.heap_1")) == (False, True)
    notes.end_comparing()
    assert not notes.is_true("pg:other.heap_1")


@pytest.mark.parametrize("conn_id", ["sqlite", *STATE_SERVERS], indirect=True)
def test_a_table_is_noted_once_however_many_do_it_at_the_same_time(conn_id):
    stores = [state_store(conn_id, "heap_sync_state") for _ in range(8)]
    notes = [notes_of(store) for store in stores]
    notes[0].create_table()
    barrier = threading.Barrier(8)

    def add(one):
        try:
            for number in range(10):
                barrier.wait()
                one.add(f"pg:heap.heap_{number}")
        except BaseException:
            barrier.abort()
            raise

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, notes))
    assert notes[0].is_true("pg:heap.heap_9")
    assert not notes[0].is_true("pg:heap.heap_8")
    for store in stores:
        store.close()


def test_the_changes_of_dead_runs_and_of_an_earlier_try_are_left_over(store):
    notes = notes_of(store)
    notes.create_table()
    notes.add("earlier", MINE)
    notes.add("sibling", Holder("dag/1", "sync[1]"))
    notes.add("dead", Holder("dag/0", "sync[1]"))
    assert sorted(notes.left_over(MINE)) == ["dead", "earlier"]
    notes.remove("dead")
    assert notes.left_over(MINE) == ["earlier"]
    assert notes_of(store, sync="another").left_over(MINE) == []


def test_runs_of_events_leave_each_other_alone(store):
    notes = notes_of(store, EVENT)
    notes.create_table()
    notes.add("other", Holder("dag/0", "sync[1]"))
    assert notes.left_over(MINE) == []
