"""Batches in flight: bounded, in order for each key, and gone at the end."""

from __future__ import annotations

import random
import threading
import time

import pytest

from airflow_provider_heap.api.rate_limiter import RateLimiter
from airflow_provider_heap.sync.delivery import dispatcher as deliveries
from airflow_provider_heap.sync.delivery import spool
from airflow_provider_heap.sync.delivery.dispatcher import Dispatcher
from airflow_provider_heap.sync.items import ItemBatch


def batch(*keys):
    return ItemBatch(list(range(len(keys))), list(keys), list(keys), [key.encode() for key in keys])


def delivery(deliver, concurrency=4):
    return Dispatcher(deliver, RateLimiter(), concurrency, idle=lambda: 10.0, tell=lambda text: None)


def test_batches_of_one_key_are_delivered_one_after_the_other_in_order():
    seen, lock = {}, threading.Lock()

    def deliver(items):
        time.sleep(random.uniform(0, 0.003))
        with lock:
            for key, number in zip(items.keys, items.numbers, strict=True):
                seen.setdefault(key, []).append(number)

    sent = delivery(deliver, 8)
    for number in range(300):
        keys = random.sample("abcdefghijkl", 2)
        sent.put(ItemBatch([number] * 2, keys, keys, [b""] * 2))
    sent.finish()
    assert sum(map(len, seen.values())) == 600
    for numbers in seen.values():
        assert numbers == sorted(numbers)


def test_as_many_requests_are_in_flight_as_allowed_and_no_more():
    running, most, lock, three = 0, 0, threading.Lock(), threading.Barrier(3, timeout=120)

    def deliver(items):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        three.wait()
        with lock:
            running -= 1

    sent = delivery(deliver, 3)
    for number in range(21):
        sent.put(batch(str(number)))
    sent.finish()
    assert most == 3


def test_what_waits_in_memory_is_bounded():
    gate = threading.Event()
    sent = delivery(lambda items: gate.wait(120), 2)
    for number in range(100):
        sent.put(batch(str(number)))
    assert len(sent.pending()) <= 2 + 2 * 2
    assert sent.on_disk >= 100 - (2 + 2 * 2)
    gate.set()
    sent.finish()


def test_the_first_failure_reaches_the_reader():
    def deliver(items):
        raise ValueError(items.keys[0])

    sent = delivery(deliver)
    sent.put(batch("a"))
    with pytest.raises(ValueError, match="a"):
        sent.finish()
    assert sent.abandon(1) == 0


def test_no_thread_is_left_at_the_end():
    before = threading.active_count()
    sent = delivery(lambda items: None)
    sent.put(batch("a"))
    sent.finish()
    assert threading.active_count() == before


def test_stopping_ends_the_wait_of_the_reader_at_once():
    gate, waiting = threading.Event(), threading.Event()

    def idle():
        waiting.set()
        return 3600.0

    sent = Dispatcher(lambda items: gate.wait(), RateLimiter(), 1, idle, print)
    sent.put(batch("a"))
    waiting.clear()

    def stop():
        waiting.wait(120)
        sent.stop(KeyError("stop"))

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(KeyError):
        sent.finish()
    assert sent.abandon(0.1) == 1
    gate.set()


def test_waiting_tells_progress_now_and_then():
    calls, often = [], threading.Event()

    def idle():
        calls.append(1)
        if len(calls) >= 5:
            often.set()
        return 0.02

    sent = Dispatcher(lambda items: often.wait(120), RateLimiter(), 1, idle, print)
    sent.put(batch("a"))
    sent.finish()
    assert often.is_set()


def test_what_heap_can_not_take_yet_waits_on_disk_and_keeps_its_order():
    gate, seen, told = threading.Event(), [], []

    def deliver(items):
        gate.wait(120)
        seen.extend(items.keys)

    sent = Dispatcher(deliver, RateLimiter(), 1, lambda: 10.0, told.append)
    for number in range(100):
        sent.put(batch(f"a{number}", f"b{number}"))
    assert sent.on_disk > 150
    gate.set()
    sent.finish()
    assert seen == [key for number in range(100) for key in (f"a{number}", f"b{number}")]
    assert sent.on_disk == 0
    assert len(told) == 1
    assert "wait on disk" in told[0]


def test_a_full_disk_makes_reading_wait_and_says_so_once(monkeypatch):
    monkeypatch.setattr(deliveries, "FULL_DISK_WAIT", 0.01)
    monkeypatch.setattr(spool.Spool, "put", lambda self, batch: False)
    seen, told, said = [], [], threading.Event()

    def deliver(items):
        said.wait(120)
        seen.extend(items.keys)

    def tell(text):
        told.append(text)
        said.set()

    sent = Dispatcher(deliver, RateLimiter(), 1, lambda: 10.0, tell)
    for number in range(6):
        sent.put(batch(str(number)))
    sent.finish()
    assert seen == [str(number) for number in range(6)]
    assert all("is full: reading waits" in text for text in told)
    assert told


def test_a_disk_that_fails_ends_the_delivery(monkeypatch):
    gate = threading.Event()
    sent = delivery(lambda items: gate.wait(120), 1)
    for number in range(10):
        sent.put(batch(str(number)))

    def fail(self):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(spool.Spool, "get", fail)
    gate.set()
    with pytest.raises(OSError, match="Input/output"):
        sent.finish()
    sent.abandon(1)
