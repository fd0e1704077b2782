"""No window holds more than the limit, wherever between the request and its answer the items arrive."""

from __future__ import annotations

import threading
import time
import tracemalloc

import pytest

from airflow_provider_heap.api import rate_limiter as pacing
from airflow_provider_heap.api.rate_limiter import RateLimiter, RateLimiterClosed


@pytest.fixture
def window(monkeypatch):
    """A minute of a quarter of a second."""
    monkeypatch.setattr(pacing, "WINDOW", 0.25)
    monkeypatch.setattr(pacing, "SLOT", 0.005)
    return 0.25


def take(pace, turns, items, person_keys=()):
    """Take turns one after the other; returns when each began and ended."""
    found = []
    for _ in range(turns):
        with pace.turn(items, person_keys):
            began = time.monotonic()
        found.append((began, time.monotonic()))
    return found


def test_no_window_holds_more_than_the_limit(window):
    turns = take(RateLimiter(limit=100), 10, 25)
    for began, _ in turns:
        assert sum(25 for other, _ in turns if began <= other < began + window) <= 100


def test_the_limit_is_used(window):
    turns = take(RateLimiter(limit=100), 12, 25)
    assert turns[-1][0] - turns[0][0] < 2 * window * 1.5


def test_the_limit_holds_over_several_threads(window):
    pace, turns, lock = RateLimiter(limit=100), [], threading.Lock()

    def work():
        for found in take(pace, 3, 20):
            with lock:
                turns.append(found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(turns) == 12
    for began, _ in turns:
        assert sum(20 for other, _ in turns if began <= other < began + window) <= 100


def test_items_count_until_a_window_after_their_answer(window):
    pace = RateLimiter(limit=10)
    with pace.turn(10):
        time.sleep(window)
        answered = time.monotonic()
    [(began, _)] = take(pace, 1, 10)
    assert began >= answered + window


def test_one_person_has_a_limit_of_its_own(window):
    pace = RateLimiter(limit=1000, person_limit=10)
    (began, _), (again, _) = take(pace, 2, 10, ["ada"] * 10)
    assert again >= began + window
    [(other, _)] = take(pace, 1, 10, ["bob"] * 10)
    assert other < again + window


def test_what_is_known_of_people_is_forgotten_with_the_window(window):
    pace = RateLimiter(limit=1000, person_limit=10)
    for n in range(50):
        take(pace, 1, 1, [f"user {n}"])
    time.sleep(window * 1.1)
    take(pace, 1, 1, ["last"])
    assert sum(pace._people) == 1


def test_the_books_stay_small_however_many_people_there_are(window, monkeypatch):
    monkeypatch.setattr(pacing, "WINDOW", 60.1)
    monkeypatch.setattr(pacing, "SLOT", 0.2)
    pace = RateLimiter(limit=10_000_000, person_limit=1000)
    tracemalloc.start()
    for n in range(300):
        take(pace, 1, 1000, [f"user {n * 1000 + i}" for i in range(1000)])
    assert tracemalloc.get_traced_memory()[0] < 3_000_000
    tracemalloc.stop()


def test_people_who_share_a_counter_are_never_sent_too_fast(window, monkeypatch):
    monkeypatch.setattr(pacing, "PEOPLE", 1)
    pace = RateLimiter(limit=1000, person_limit=10)
    [(began, _)] = take(pace, 1, 6, ["ada"] * 6)
    [(again, _)] = take(pace, 1, 6, ["bob"] * 6)
    assert again >= began + window


def test_no_limit_waits_for_nothing():
    began = time.monotonic()
    take(RateLimiter(), 1000, 1000)
    assert time.monotonic() - began < 1


def test_a_hold_lets_nobody_through_until_it_is_over():
    pace = RateLimiter()
    pace.hold(0.2)
    began = time.monotonic()
    [(passed, _)] = take(pace, 1, 1)
    assert passed - began >= 0.2


@pytest.mark.parametrize("wait", [lambda pace: take(pace, 2, 10), lambda pace: pace.pause(60)])
def test_closing_ends_every_wait(wait):
    pace = RateLimiter(limit=10)
    threading.Timer(0.1, pace.close).start()
    began = time.monotonic()
    with pytest.raises(RateLimiterClosed):
        wait(pace)
    assert time.monotonic() - began < 5
    with pytest.raises(RateLimiterClosed):
        take(pace, 1, 1)


def test_waiting_costs_no_cpu(window):
    pace = RateLimiter(limit=10)
    take(pace, 1, 10)
    before = time.thread_time()
    take(pace, 1, 10)
    assert time.thread_time() - before < window / 10
