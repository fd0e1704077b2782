"""What happens to syncs: a scenario is one way to disturb one of them, its details chosen by the seed."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from threading import Event

from airflow_provider_heap.sandbox import Faults
from tests.chaos.conductor import Cue
from tests.chaos.databases import TABLES
from tests.chaos.processes import PATIENCE, Run
from tests.chaos.session import LATENCY, SHARDS, TIMEOUT, Session, Sync
from tests.chaos.worker import EXPIRES_AFTER

#: Seconds that a task has to end after SIGTERM, times what a busy machine may take longer.
PROMISE = 5 * 4
#: Errors of runs of whose requests many fail.
FAULT_ERRORS = ("HeapUnavailableError", "HeapRefusedError", "HeapConfigurationError")
#: Errors of runs whose database ends their sessions; those of the driver where it compares the rows.
LOST_ERRORS = (
    *("StateError", "ModelError", "SyncRunningError"),
    *("ModelUnavailableError", "AdminShutdown", "OperationalError", "InterfaceError"),
)

Scenario = Callable[[Session, str, random.Random], None]


def step(session: Session, number: int) -> None:
    """
    Change a table, disturb a sync of it, and mostly look at the outcome of an undisturbed run then.

    :param session: where.
    :param number: of the step; it and the session's seed choose everything.
    """
    chance = random.Random(f"{session.seed}/{session.kind}/{number}")
    table = chance.choice(["users", "users", "users", "accounts", "accounts", "events"])
    session.note(f"{table}: {session.tables[table].change(chance)} of its rows")
    if chance.random() < 0.15:
        session.new_run(table)
    scenarios = SHARDED if SHARDS[table] > 1 else UNSHARDED
    [scenario] = chance.choices(list(scenarios), list(scenarios.values()))
    scenario(session, table, chance)
    if chance.random() < 0.6:
        session.note(f"{table}: undisturbed, after: {session.tables[table].change(chance)} of its rows")
        session.recover(table)
        if chance.random() < 0.3:
            session.check_idle(table)


def finish(session: Session) -> None:
    """Run all syncs undisturbed, twice, and compare Heap with the source."""
    session.note("the end: all undisturbed, twice")
    for table in session.tables:
        session.recover(table)
        session.check_idle(table)


# Parts of scenarios


def _cue(chance: random.Random) -> Cue:
    if chance.random() < 0.25:  # also before the first request: planning, opening the state, reading
        return Cue(None, chance.uniform(0, 0.25))
    return Cue(chance.randint(1, 12), chance.choice([0.0, chance.uniform(0, 0.03)]), chance.random() < 0.5)


def _faults(session: Session, table: str, chance: random.Random) -> Faults:
    """Return faults that leave something through, mostly."""
    every = chance.randint(2, 7)
    latency = chance.uniform(0, 2 * LATENCY)
    kinds = [
        Faults(latency=latency, status=chance.choice([500, 503, 429, 408]), every=every),
        Faults(latency=latency, reset="before", every=every),
        Faults(latency=latency, reset="after", every=every),
        Faults(latency=latency, reset="after", every=every),
        Faults(latency=latency, reset=chance.choice(["before", "after"])),
        Faults(latency=latency, status=503),
    ]
    if table != "events":
        keys = [row.key for row in session.tables[table].present() if row.key is not None]
        refuse = frozenset(chance.sample(keys, min(len(keys), chance.randint(1, 3))))
        kinds.append(Faults(latency=latency, refuse=refuse))
        kinds.append(Faults(latency=latency, refuse=refuse, reset="after", every=every))
    return replace(chance.choice(kinds))


def _describe(faults: Faults | None) -> str:
    if faults is None:
        return "no faults"
    parts = {name: value for name, value in faults.as_dict().items() if value not in (None, [], False)}
    return f"faults {parts}"


def _sends_5xx(faults: Faults | None) -> bool:
    return faults is not None and (faults.status or 0) >= 500


def _signal(session: Session, run: Run, number: int) -> None:
    if not run.ended:
        run.signal(number)


def _end(session: Session, run: Run, number: int | None, errors: tuple[str, ...]) -> None:
    """Wait for a run that may have been told to end, and see that it ended as it may."""
    if number == signal.SIGTERM:
        errors = (*errors, "SyncStoppedError")
    session.expect(run.wait(), errors, kills=number is not None)
    if run.killed or run.error == "SyncStoppedError":
        session.counts["kills"] += 1
        session.counts[signal.Signals(number).name] += 1


def _must_end_in_time(session: Session, run: Run, number: int) -> None:
    """After SIGTERM, wait for the process, which must end in time."""
    if number == signal.SIGTERM:
        try:
            run.wait(PROMISE)
        except TimeoutError:
            session.fail(f"the task still ran {PROMISE} s after SIGTERM")


# Scenarios


def ended(session: Session, table: str, chance: random.Random) -> None:
    """A process is ended by a signal, while some requests may fail."""
    [sync] = session.syncs(table)
    number = chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
    faults = _faults(session, table, chance) if chance.random() < 0.5 else None
    cue = _cue(chance)
    concurrency = chance.randint(1, 4)
    session.note(f"{sync}: {number.name} {cue}; concurrency {concurrency}; {_describe(faults)}")
    before = session.begin(faults)
    told = Event()
    run = session.start(sync, concurrency=concurrency, full_sync=chance.random() < 0.05)

    def tell() -> None:
        _signal(session, run, number)
        told.set()

    session.conductor.on(cue, tell)
    while not run.ended and not told.wait(0.02):
        pass
    if told.is_set():
        _must_end_in_time(session, run, number)
    _end(session, run, number, (*FAULT_ERRORS, "SyncRunningError") if faults else ("SyncRunningError",))
    if run.status.result() == 0:
        session.check(sync, run, session.sandbox.requests[before:], failing=_sends_5xx(faults))


def faulty(session: Session, table: str, chance: random.Random) -> None:
    """Requests fail, or their answers are lost or late."""
    [sync] = session.syncs(table)
    faults = _faults(session, table, chance)
    late = chance.randint(1, 8) if chance.random() < 0.15 else None
    session.note(f"{sync}: {_describe(faults)}{f'; request {late} is answered late' if late else ''}")
    before = session.begin(faults)
    if late:
        session.conductor.answer_late(late, TIMEOUT + 0.5)
    run = session.start(sync, concurrency=chance.randint(1, 4)).wait()
    session.expect(run, (*FAULT_ERRORS, "SyncRunningError"))
    session.counts["faulty runs"] += 1
    if run.succeeded:
        if late:
            time.sleep(0.6)
        requests = session.sandbox.requests[before:]
        session.check(sync, run, requests, late=late is not None, failing=_sends_5xx(faults))


def without_sessions(session: Session, table: str, chance: random.Random) -> None:
    """The state's database ends all sessions, once or several times."""
    [sync] = session.syncs(table)
    cues = [_cue(chance) for _ in range(chance.randint(1, 3))]
    session.note(f"{sync}: the database ends all sessions {', and '.join(map(str, cues))}")
    before = session.begin()
    run = session.start(sync, concurrency=chance.randint(1, 4))
    for cue in cues:
        session.conductor.on(cue, session.database.end_sessions)
    session.expect(run.wait(), LOST_ERRORS)
    session.counts["restarts of the database"] += 1
    if run.succeeded:
        session.check(sync, run, session.sandbox.requests[before:])


def locked_out(session: Session, table: str, chance: random.Random) -> None:
    """Somebody locks a table of the state; the process may be told to end meanwhile."""
    [sync] = session.syncs(table)
    number = chance.choice([None, signal.SIGTERM, signal.SIGKILL])
    cue, seconds = _cue(chance), chance.uniform(0.1, 1.5)
    locked = chance.choice(TABLES)
    session.note(f"{sync}: {locked} is locked for {seconds:.1f} s {cue}; {number.name if number else 'no signal'}")
    before = session.begin()
    reached = Event()
    run = session.start(sync)
    session.conductor.on(cue, reached.set)
    while not run.ended and not reached.wait(0.02):
        pass
    with session.database.locked(locked):
        time.sleep(seconds)
        if number is not None:
            _signal(session, run, number)
            _must_end_in_time(session, run, number)
    _end(session, run, number, ("StateError", "SyncRunningError"))
    session.counts["locks"] += 1
    if run.status.result() == 0:
        session.check(sync, run, session.sandbox.requests[before:])


def frozen(session: Session, table: str, chance: random.Random) -> None:
    """A process stands still, another run or a later try takes the sync meanwhile, and the first one wakes up."""
    [sync] = session.syncs(table)
    concurrency = chance.choice([1, 1, 4])
    cue = Cue(chance.randint(1, 4), 0.0, before_answer=True)
    first_run = session.new_run(table)
    other_run = chance.choice(["another run", "another run", "a later try", "nobody"])
    seconds = chance.choice([0.2, EXPIRES_AFTER + 0.7]) if other_run == "nobody" else 0.0
    session.note(f"{sync}: stands still {cue}, concurrency {concurrency}; {other_run} takes it meanwhile")
    _wait_until_free(session, sync)
    before = session.begin()
    still = Event()
    run = session.start(sync, run=first_run, concurrency=concurrency)

    def stop() -> None:
        _signal(session, run, signal.SIGSTOP)
        still.set()

    session.conductor.on(cue, stop)
    while not run.ended and not still.wait(0.02):
        pass
    if run.ended:  # it had little to send
        session.expect(run, [])
        session.check(sync, run, session.sandbox.requests[before:])
        return
    session.settle()
    session.counts["freezes"] += 1
    if session.database.is_locked():
        session.note(f"{sync}: stands still inside of a transaction, and locks the file")
        other_run, seconds = "nobody", 0.0
    if other_run == "nobody":
        time.sleep(seconds)
    else:
        session.note(f"{sync}: {other_run}, after: {session.tables[table].change(chance)} of its rows")
        session.run_calmly(sync, run=first_run if other_run == "a later try" else session.new_run(table))
    arrived = len(session.sandbox.requests)
    if chance.random() < 0.2:
        session.note(f"{sync}: the one that stands still is killed")
        _signal(session, run, signal.SIGKILL)
        session.expect(run.wait(), [], kills=True)
        session.counts["kills"] += 1
        session.counts["SIGKILL"] += 1
        return
    _signal(session, run, signal.SIGCONT)
    # Events need no hold; but the changes that their database found are gone once a later try has begun.
    session.expect(run.wait(), ["SyncRunningError", *(["StateError"] if session.database.diff_schema else [])])
    if table == "events":  # Heap itself counts them once
        return
    if other_run == "nobody":
        if run.succeeded:
            session.check(sync, run, session.sandbox.requests[before:])
        elif seconds < 1:
            session.fail(f"{sync} stood still for {seconds} s and gave up: {run.outcome}")
        return
    sent = len(session.sandbox.requests) - arrived
    # With one thread, which waits for the answer, nothing was past the last look at the hold.
    if sent > (0 if concurrency == 1 else concurrency):
        session.fail(f"{sync} sent {sent} requests after {other_run} had taken the sync while it stood still")
    if run.succeeded:
        session.fail(f"{sync} succeeded although {other_run} had taken the sync while it stood still")


def two_at_once(session: Session, table: str, chance: random.Random) -> None:
    """A second run, or a later try, begins while the first one works."""
    [sync] = session.syncs(table)
    later_try = chance.random() < 0.5
    cue = _cue(chance)
    first_run = session.new_run(table)
    session.note(f"{sync}: {'a later try' if later_try else 'a second run'} {cue}")
    _wait_until_free(session, sync)
    before = session.begin()
    reached = Event()
    first = session.start(sync, run=first_run)
    session.conductor.on(cue, reached.set)
    while not first.ended and not reached.wait(0.02):
        pass
    changed = session.tables[table].change(chance) if later_try and chance.random() < 0.5 else None
    second = session.start(sync, run=first_run if later_try else session.new_run(table))
    second.wait()
    arrived = len(session.sandbox.requests)
    first_lives = not first.ended
    for run in (first.wait(), second):
        session.expect(run, ["SyncRunningError", *(["StateError"] if session.database.diff_schema else [])])
    session.counts["two at once"] += 1
    if table == "events":
        return
    if not first.succeeded and not second.succeeded:
        session.fail(f"{sync}: of two runs none succeeded: {first.outcome['message']} / {second.outcome['message']}")
    if later_try and second.succeeded and first_lives:
        sent = len(session.sandbox.requests) - arrived
        if sent > 4:
            session.fail(f"{sync}: {sent} requests were sent after a later try had succeeded; source: {changed}")
    if not later_try:
        # One at a time: whichever succeeded, what it read is what the source still has.
        requests = session.sandbox.requests[before:] if first.succeeded != second.succeeded else None
        session.check(sync, first if first.succeeded else second, requests)


def sharded(session: Session, table: str, chance: random.Random) -> None:
    """All shards at once; some are ended, while requests may fail or the database may end its sessions."""
    syncs = session.syncs(table)
    faults = _faults(session, table, chance) if chance.random() < 0.4 else None
    restart = _cue(chance) if chance.random() < 0.25 else None
    signals = [None, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]
    plans = {sync: (chance.choice(signals), _cue(chance)) for sync in syncs}
    words = [f"{sync} {number.name} {cue}" if number else f"{sync}" for sync, (number, cue) in plans.items()]
    session.note(f"{'; '.join(words)}; {_describe(faults)}; the database ends all sessions: {restart}")
    session.begin(faults)
    runs = {sync: session.start(sync) for sync in syncs}
    if restart:
        session.conductor.on(restart, session.database.end_sessions)
    for sync, (number, cue) in plans.items():
        if number:
            session.conductor.on(cue, lambda sync=sync, number=number: _signal(session, runs[sync], number))
    errors = ["SyncRunningError", *(FAULT_ERRORS if faults else ()), *(LOST_ERRORS if restart else ())]
    for sync, run in runs.items():
        _end(session, run, plans[sync][0], tuple(errors))
    for sync, run in runs.items():
        if run.status.result() == 0:
            session.check(sync, run, None)


def _wait_until_free(session: Session, sync: Sync) -> None:
    """Wait until no dead run holds a sync: only then is it known who gets it."""
    end = time.monotonic() + PATIENCE
    model = f"select * from ({session.tables[sync.table].model()}) m where 1 = 0"
    while time.monotonic() < end:
        session.begin()
        run = session.workers.start(
            object=sync.table, run=session._run_ids[sync.table], instance=-1, model=model, concurrency=1, batch_size=20
        ).wait()
        if run.succeeded:
            return
        session.expect(run, ["SyncRunningError"])
        time.sleep(0.2)
    session.fail(f"{sync} does not become free")


UNSHARDED: dict[Scenario, int] = {
    ended: 10,
    faulty: 4,
    without_sessions: 2,
    locked_out: 2,
    frozen: 4,
    two_at_once: 4,
}
SHARDED: dict[Scenario, int] = {sharded: 1}
