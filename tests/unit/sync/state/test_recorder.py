"""Whatever the source does next, and whenever a run died, the next run that succeeds leaves Heap equal to it."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import EVENT, USER
from airflow_provider_heap.exceptions import SyncRunningError
from airflow_provider_heap.sync.items import ItemBatch, JsonLines
from airflow_provider_heap.sync.plan import Holder, StateSettings
from airflow_provider_heap.sync.state import recorder
from airflow_provider_heap.sync.state.recorder import Recorder
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.sync.state.store import Store
from airflow_provider_heap.sync.state.sync_state import SyncState
from airflow_provider_heap.sync.stop_signal import StopSignal

LOG = logging.getLogger("state")


class Hold:
    """A hold that the test takes away."""

    held = True

    def assert_held(self):
        """Raise when the hold is gone."""
        if not self.held:
            raise SyncRunningError("taken")

    def fence(self, connection):
        """Raise when the hold is gone."""
        self.assert_held()

    def release(self):
        """Do nothing."""


@pytest.fixture
def hold():
    """The hold of the run."""
    return Hold()


@pytest.fixture
def recorder_of_run(store, key, hold):
    """The recorder of a run that holds the sync."""
    return Recorder(store, key, hold)


@pytest.fixture
def fingerprint_of(store, key):
    """Look up what is recorded for a key."""
    return lambda name: store.fingerprints_of(key.key_hashes([name])).get(key.key_hashes([name])[0])


def marked(batch, recorded=True):
    """Mark all items of a batch."""
    return ItemBatch(batch.numbers, batch.keys, batch.person_keys, batch.bodies, [recorded] * len(batch))


def test_a_changed_item_is_struck_out_before_it_is_sent_and_written_again_after(recorder_of_run, items, fingerprint_of):
    recorder_of_run.record(items({"a": 1, "b": 1}))
    recorded = fingerprint_of("a")
    recorder_of_run.strike_out(marked(items({"a": 2})))
    assert fingerprint_of("a") == "unknown"
    assert fingerprint_of("b") not in ("unknown", None)
    recorder_of_run.record(items({"a": 2}))
    assert fingerprint_of("a") not in ("unknown", recorded)


def test_new_items_cost_no_statement(recorder_of_run, store, items):
    statements = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    recorder_of_run.strike_out(marked(items({"a": 1}), recorded=False))
    recorder_of_run.strike_out(items({"a": 1}))
    assert statements == []


def test_a_batch_costs_one_statement(recorder_of_run, store, items):
    statements = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    recorder_of_run.strike_out(marked(items({f"u{number}": 1 for number in range(1000)})))
    assert len(statements) == 1


def test_a_run_that_lost_its_hold_sends_nothing_and_writes_nothing(recorder_of_run, hold, items, fingerprint_of):
    recorder_of_run.record(items({"a": 1}))
    recorded = fingerprint_of("a")
    hold.held = False
    with pytest.raises(SyncRunningError):
        recorder_of_run.assert_held()
    with pytest.raises(SyncRunningError):
        recorder_of_run.strike_out(marked(items({"a": 2})))
    assert fingerprint_of("a") == recorded


def test_what_heap_took_from_a_run_that_lost_its_hold_is_struck_out(
    recorder_of_run, store, key, hold, items, fingerprint_of
):
    recorder_of_run.strike_out(items({"a": 1}))
    hold.held = False
    Recorder(store, key).record(items({"a": 2}))  # by the run that has the sync now
    with pytest.raises(SyncRunningError):
        recorder_of_run.record(items({"a": 1}))
    assert fingerprint_of("a") == "unknown"


def test_what_such_a_run_has_on_the_wire_at_its_end_is_struck_out(
    recorder_of_run, store, key, hold, items, fingerprint_of
):
    settled, open_batch = items({"a": 1}), items({"b": 1})
    recorder_of_run.strike_out(settled)
    recorder_of_run.record(settled)
    recorder_of_run.strike_out(open_batch)
    hold.held = False
    Recorder(store, key).record(items({"b": 2}))
    recorder_of_run.end(last_run="mine")
    assert fingerprint_of("b") == "unknown"
    assert fingerprint_of("a") != "unknown"
    assert store.sync_row(key)["last_run"] is None


def test_few_batches_are_kept_in_memory(recorder_of_run, items, monkeypatch):
    for number in range(2 * recorder.MAX_UNSETTLED):
        recorder_of_run.strike_out(items({f"u{number}": 1}))
    assert len(recorder_of_run._unsettled) == recorder.MAX_UNSETTLED


def test_events_are_not_struck_out_and_need_no_hold(store, key, items):
    key = StateKey(key.sync, key.environment, EVENT)
    of_events = Recorder(store, key)
    of_events.record(items({"a": 1}))
    of_events.assert_held()
    of_events.strike_out(marked(items({"a": 1})))
    assert "unknown" not in store.fingerprints_of(key.key_hashes(["a"])).values()
    of_events.end(last_run="dag/run")


# The promise


@dataclass(frozen=True)
class Attempt:
    """A run over the source: its values, and how each request fares, in order."""

    source: dict[str, int]
    #: "dies before", "dies after" Heap took it, "rejected", "rejected but taken"; others arrive.
    fates: list[str] = field(default_factory=list)
    full_sync: bool = False


class Died(Exception):
    """The worker is gone."""


class World:
    """Heap as it remembers, and a state that survives the worker."""

    def __init__(self):
        self.heap = {}
        # A run closes its connections when it ends: a database in memory would be gone then, a file is not.
        self._directory = tempfile.TemporaryDirectory()
        self.store = Store(sa.create_engine(f"sqlite:///{self._directory.name}/state.db"))
        self.key = StateKey("sync", Environment("1", "https://heap.example"), USER)

    def run(self, attempt):
        """Make a run; return whether it succeeded with nothing rejected."""
        state_settings = StateSettings("sqlite", "heap_sync_state", full_sync=attempt.full_sync)
        state = SyncState(self.store, self.key, Holder("dag/run", "sync[-1]"), state_settings)
        state.open(StopSignal(), LOG)
        fates, all_arrived = iter(attempt.fates), True
        try:
            names = list(attempt.source)
            bodies = JsonLines.of(f"{name}={attempt.source[name]}".encode() for name in names)
            changed = state.select_changed(ItemBatch(range(len(names)), names, names, bodies))
            for start in range(len(changed)):  # one item a request
                all_arrived &= self._send(state, changed[start : start + 1], next(fates, "arrives"))
        except Died:
            return False
        finally:
            state.close(True)
        return all_arrived

    def _send(self, state, batch, fate):
        state.strike_out(batch)
        if fate == "dies before":
            raise Died
        [name], [body] = batch.keys, batch.bodies
        if fate != "rejected":
            self.heap[name] = int(body.partition(b"=")[2])
        if fate == "dies after":
            raise Died
        if fate.startswith("rejected"):
            return False
        state.record(batch)
        return True


ATTEMPTS = st.builds(
    Attempt,
    source=st.dictionaries(st.sampled_from("abc"), st.integers(0, 2)),
    fates=st.lists(
        st.sampled_from(["arrives", "dies before", "dies after", "rejected", "rejected but taken"]), max_size=3
    ),
    full_sync=st.booleans(),
)


@settings(max_examples=60)
@given(st.lists(ATTEMPTS, max_size=6), st.dictionaries(st.sampled_from("abc"), st.integers(0, 2)))
def test_after_any_deaths_and_rejections_a_run_that_succeeds_leaves_heap_equal_to_the_source(attempts, source):
    world = World()
    for attempt in attempts:
        if world.run(attempt):
            assert world.heap.items() >= attempt.source.items()
    assert world.run(Attempt(source))
    assert world.heap.items() >= source.items()
    taken = []

    def send_nothing(state, batch, fate):
        taken.append(list(batch.keys))
        return True

    world._send = send_nothing
    world.run(Attempt(source))
    assert taken == []


def test_a_value_that_went_back_after_a_death_is_sent_again():
    world = World()
    assert world.run(Attempt({"a": 0}))
    assert not world.run(Attempt({"a": 1}, ["dies after"]))
    assert world.heap == {"a": 1}
    assert world.run(Attempt({"a": 0}))
    assert world.heap == {"a": 0}
