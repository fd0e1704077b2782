"""No window of 60 s holds more than the limit, wherever between a request and its answer the items arrive."""

from __future__ import annotations

import threading
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.api.rate_limiter import COUNTERS, SLOT, WINDOW, Clock, RateLimiter, RateLimiterClosed
from tests.unit.api.fake_clock import FakeClock

MINUTE = 60.0


@pytest.fixture
def clock():
    return FakeClock()


def request(limiter, clock, items, person_keys=(), seconds=0.0):
    """Make a request that is answered after some seconds, while others go on; returns when it started and ended."""
    slot = limiter.slot(items, person_keys)
    slot.__enter__()
    start = clock.now()
    clock.at(start + seconds, lambda: slot.__exit__(None, None, None))
    if not seconds:
        clock.pass_until(start)
    return start, start + seconds


@given(st.lists(st.tuples(st.integers(1, 100), st.floats(0, 200), st.floats(0, 30)), max_size=60))
def test_no_window_can_hold_more_than_the_limit(requests):
    clock = FakeClock()
    limiter, made = RateLimiter(limit=100, clock=clock), []
    for items, seconds, pause in requests:
        limiter.sleep(pause)
        made.append((*request(limiter, clock, items, seconds=seconds), items))
    for _, window_start, _ in made:
        in_window = [items for start, end, items in made if end >= window_start and start < window_start + MINUTE]
        assert sum(in_window) <= 100


@given(st.lists(st.tuples(st.sampled_from(["ada", "bob", "cleo"]), st.integers(1, 10), st.floats(0, 100)), max_size=40))
def test_no_window_can_hold_more_of_one_person_than_the_limit(requests):
    clock = FakeClock()
    limiter, made = RateLimiter(limit=1000, person_limit=10, clock=clock), []
    for person, items, seconds in requests:
        made.append((*request(limiter, clock, items, [person] * items, seconds), person, items))
    for _, window_start, person, _ in made:
        in_window = [
            items
            for start, end, other, items in made
            if other == person and end >= window_start and start < window_start + MINUTE
        ]
        assert sum(in_window) <= 10


def test_the_limit_is_used_up(clock):
    limiter = RateLimiter(limit=100, clock=clock)
    starts = [request(limiter, clock, 25)[0] for _ in range(12)]
    assert starts == pytest.approx([0.0] * 4 + [WINDOW + SLOT] * 4 + [2 * (WINDOW + SLOT)] * 4)


def test_items_leave_the_window_a_minute_after_their_answer(clock):
    limiter = RateLimiter(limit=10, clock=clock)
    _, answered = request(limiter, clock, 10, seconds=25.0)
    start, _ = request(limiter, clock, 10)
    assert start == pytest.approx(answered + WINDOW + SLOT)


def test_a_request_over_the_limit_goes_alone(clock):
    limiter = RateLimiter(limit=10, clock=clock)
    request(limiter, clock, 1)
    start, _ = request(limiter, clock, 11)
    assert start == pytest.approx(WINDOW + SLOT)


def test_people_do_not_wait_for_each_other(clock):
    limiter = RateLimiter(limit=1000, person_limit=10, clock=clock)
    request(limiter, clock, 10, ["ada"] * 10)
    assert request(limiter, clock, 10, ["bob"] * 10)[0] == 0.0
    assert request(limiter, clock, 10, ["ada"] * 10)[0] == pytest.approx(WINDOW + SLOT)


def test_two_people_who_share_a_counter_are_never_sent_too_fast(clock):
    by_counter = {}
    for number in range(COUNTERS + 1):
        name = f"user {number}"
        other = by_counter.setdefault(hash(name) % COUNTERS, name)
        if other != name:
            break
    limiter = RateLimiter(limit=1000, person_limit=10, clock=clock)
    request(limiter, clock, 6, [name] * 6)
    assert request(limiter, clock, 6, [other] * 6)[0] == pytest.approx(WINDOW + SLOT)


def test_people_are_forgotten_with_their_window(clock):
    limiter = RateLimiter(limit=1000, person_limit=10, clock=clock)
    for number in range(50):
        request(limiter, clock, 1, [f"user {number}"])
    limiter.sleep(WINDOW + SLOT)
    request(limiter, clock, 1, ["last"])
    assert sum(limiter._person_counts) == 1


def test_memory_use_does_not_grow_with_the_number_of_people(clock):
    limiter = RateLimiter(limit=10_000_000, person_limit=1000, clock=clock)
    tracemalloc.start()
    for batch in range(300):
        request(limiter, clock, 1000, [f"user {batch * 1000 + number}" for number in range(1000)])
    assert tracemalloc.get_traced_memory()[0] < 3_000_000
    tracemalloc.stop()


def test_without_a_limit_nothing_waits(clock):
    limiter = RateLimiter(clock=clock)
    for _ in range(1000):
        request(limiter, clock, 1000)
    assert clock.waits == []


def test_one_wait_is_enough_for_one_slot(clock):
    limiter = RateLimiter(limit=10, clock=clock)
    request(limiter, clock, 10)
    request(limiter, clock, 10)
    assert len(clock.waits) == 1


def test_nothing_starts_before_the_time_that_heap_asked_for(clock):
    limiter = RateLimiter(clock=clock)
    limiter.hold_off(300)
    limiter.hold_off(10)
    assert request(limiter, clock, 1)[0] == 300


def test_the_limit_holds_across_threads(clock):
    lock, made = threading.Lock(), []
    limiter = RateLimiter(limit=100, clock=clock)

    def work():
        for _ in range(3):
            with limiter.slot(20), lock:
                made.append(clock.now())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 12
    for start in made:
        assert sum(20 for other in made if start <= other < start + MINUTE) <= 100


class WaitingClock(Clock):
    """The machine's clock; says when somebody begins to wait."""

    def __init__(self):
        self.waiting = threading.Event()

    def wait(self, condition, seconds):
        self.waiting.set()
        super().wait(condition, seconds)


def wait_for_a_slot(limiter):
    for _ in range(2):
        with limiter.slot(10):
            pass


@pytest.mark.parametrize("wait", [wait_for_a_slot, lambda limiter: limiter.sleep(3600)])
def test_closing_ends_every_wait(wait):
    clock, ended = WaitingClock(), []
    limiter = RateLimiter(limit=10, clock=clock)

    def work():
        try:
            wait(limiter)
        except RateLimiterClosed as closed:
            ended.append(closed)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    clock.waiting.wait()
    limiter.close()
    thread.join(60)
    assert len(ended) == 1


def test_a_closed_limiter_lets_nothing_through():
    limiter = RateLimiter()
    limiter.close()
    with pytest.raises(RateLimiterClosed), limiter.slot(1):
        pytest.fail("it was let through")
    with pytest.raises(RateLimiterClosed):
        limiter.sleep(0)
