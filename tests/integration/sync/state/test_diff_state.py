"""Whatever a run dies of, and whatever the source does meanwhile, the next one leaves Heap equal to the source."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_heap.exceptions import HeapUnavailableError, StateError, SyncRunningError
from airflow_provider_heap.models.diff import comparison, sent_table
from airflow_provider_heap.models.diff.comparison import WarehouseComparison
from airflow_provider_heap.models.diff.session import Session
from airflow_provider_heap.sandbox import Faults
from airflow_provider_heap.sync.state import parts

ROWS = 40
#: Of how many statements one kills the run, by connection; 3 elsewhere. Spark takes its time.
STEPS = {"warehouse": 1, "spark": 8}


class Kill:
    """
    Kills a run at one of its statements: it and all later ones fail, those that would tidy up among them.

    :param at: the number of the statement.
    :param after: whether the statement itself is carried out.
    """

    def __init__(self, at, after):
        self.at = at
        self.after = after
        self.count = 0

    def wrap(self, function):
        def call(session, *args, **kwargs):
            self.count += 1
            if self.count > self.at or (self.count == self.at and not self.after):
                raise StateError("killed")
            rows = function(session, *args, **kwargs)
            if self.count == self.at:
                session.commit()
                raise StateError("killed")
            return rows

        return call


@pytest.fixture
def kill():
    """Kill the runs that follow, until the patch is undone."""

    def start(at, after):
        killed = Kill(at, after)
        patch = pytest.MonkeyPatch()
        patch.setattr(Session, "run_model", killed.wrap(Session.run_model))
        patch.setattr(Session, "_run", killed.wrap(Session._run))
        patch.setattr(sent_table, "TRIES", 1)
        return killed, patch

    return start


def fill(source, value, count=ROWS):
    source.run("delete from users")
    rows = ", ".join(f"('u{n}', {value})" for n in range(count))
    source.run(f"insert into users values {rows}")


@pytest.fixture
def people(source):
    """Users with one value."""
    source.run("create table users (email varchar(200), n integer)")
    fill(source, 0)
    return source


def in_heap(heap_sandbox):
    return {name: n for name, user in heap_sandbox.users.items() for n in user.values()}


@pytest.mark.parametrize("part_rows", [5, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_run_that_was_killed_at_any_statement_is_made_up_for(
    heap_sandbox, people, users, run, kill, monkeypatch, part_rows
):
    if part_rows < ROWS and people.conn_id != "warehouse":
        pytest.skip("parts are the same on each database; tests/chaos kills at random")
    monkeypatch.setattr(parts, "PART_ROWS", part_rows)
    monkeypatch.setattr(comparison, "PART_ROWS", part_rows)
    run(users())
    at, step = 1, 11 if part_rows < ROWS else STEPS.get(people.conn_id, 3)
    while True:
        for after in (False, True):
            fill(people, 1)
            killed, patch = kill(at, after)
            try:
                run(users())
            except StateError:
                pass
            finally:
                patch.undo()
            # Back to what was recorded: the requests of the dead run must not be forgotten.
            fill(people, 0)
            run(users())
            assert in_heap(heap_sandbox) == {f"u{n}": 0 for n in range(ROWS)}
            report = run(users())
            assert (report["sent"], report["unchanged"]) == (0, ROWS)
            assert len(people.tables) == 1
        if killed.count < at:
            break
        at += step
    assert at > 8


def test_a_value_that_goes_back_after_all_answers_were_lost_is_sent_again(heap_sandbox, people, users, run):
    run(users())
    fill(people, 1)
    heap_sandbox.faults = Faults(reset="after")
    with pytest.raises(HeapUnavailableError):
        run(users())
    heap_sandbox.faults = Faults()
    fill(people, 0)
    assert run(users())["sent"] == ROWS
    assert set(in_heap(heap_sandbox).values()) == {0}


def test_a_source_that_changes_during_the_run_is_read_once(heap_sandbox, people, users, run, monkeypatch):
    strike_out = WarehouseComparison.strike_out

    def change(self):
        strike_out(self)
        fill(people, 7, ROWS - 10)

    monkeypatch.setattr(WarehouseComparison, "strike_out", change)
    assert run(users())["sent"] == ROWS
    assert set(in_heap(heap_sandbox).values()) == {0}
    monkeypatch.undo()


def test_what_a_dead_run_recorded_late_is_sent_again(heap_sandbox, people, users, run):
    run(users())
    [table] = people.tables
    [(old, _, _)] = [row for row in people.sent if row[0]][:1]
    late = "f" * 32
    people.run(f"insert into {people.schema}.{table} values ('{old}', '{late}', 1)")
    assert run(users())["sent"] == 1
    assert run(users())["sent"] == 0
    # Twice, with two hashes that are not the row's.
    people.run(f"update {people.schema}.{table} set heap_row = '{late}' where heap_key = '{old}'")
    people.run(f"insert into {people.schema}.{table} values ('{old}', '{'e' * 32}', 1)")
    assert run(users())["sent"] == 1
    assert run(users())["sent"] == 0
    assert len(people.sent) == ROWS


def test_a_run_that_stood_still_while_another_had_the_sync_stops_and_the_newer_values_win(
    heap_sandbox, people, users, run, monkeypatch
):
    run(users())
    fill(people, 1)
    operator = users(batch_size=10, concurrency=1)

    def take_over(request):
        heap_sandbox._on_request = None
        store = operator.open_store()
        table = store.tables.holders
        with store.engine.begin() as connection:
            connection.execute(sa.update(table).values(renewed_at=table.c.renewed_at - 61_000))
        fill(people, 2)
        other = users()
        # On the sandbox's thread, where Airflow 2 lets no operator execute.
        other.sync_run(other.plan({"ti": Another()})).execute()

    heap_sandbox._on_request = take_over
    with pytest.raises(SyncRunningError):
        run(operator)
    run(users())
    assert set(in_heap(heap_sandbox).values()) == {2}
    assert run(users())["sent"] == 0
    assert len(people.tables) == 1


class Another:
    """Another run of the DAG."""

    dag_id, task_id, run_id, map_index, try_number = "dag", "task", "another", -1, 1

    def xcom_push(self, key, value):
        """Drop it."""


def test_changes_that_a_later_run_has_dropped_are_not_taken_for_a_table_of_the_model(heap_sandbox, people, users, run):
    strike_out = WarehouseComparison.strike_out

    def drop_too(self):
        strike_out(self)
        self.drop(self.changes_table)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WarehouseComparison, "strike_out", drop_too)
        with pytest.raises(StateError, match=r"The changes in .* can't be read .* a later run has dropped it"):
            run(users())
    assert not heap_sandbox.requests
    assert run(users())["sent"] == ROWS


def test_mapped_instances_share_what_is_recorded(heap_sandbox, people, users, run):
    for remainder in (0, 1):
        assert run(users(f"select * from users where n + length(email) % 2 = {remainder}"))["unchanged"] == 0
    assert run(users())["unchanged"] == ROWS
